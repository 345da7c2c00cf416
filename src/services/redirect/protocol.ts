/**
 * Orders to the redirect, one JSON object a line on its standard input; it ends when that closes. One report on its
 * standard output: that it has started.
 */
import type { SidecarOrder } from "../sidecar/protocol.ts";

type At = { readonly bindAddress: string; readonly bindPort: number };

/** One Service port whose calls need their original destination told. */
export type Door = {
  /** Fully qualified name of the Service. */
  readonly service: string;
  readonly port: number;
  /** What the client calls instead of the Service's own address. */
  readonly open: At;
  /** The proxy's listener for this port, which takes a PROXY protocol header. */
  readonly proxy: At;
};

export type RedirectOrder =
  | {
      readonly type: "start";
      readonly seed: number;
      readonly doors: readonly Door[];
      readonly dns: At | null;
      /** As in the sidecar's order. */
      readonly headless: Extract<SidecarOrder, { readonly type: "start" }>["headless"];
      /** An address that refuses connections: where a Service's address leads while it has no pod. */
      readonly nowhere: At;
    }
  | Extract<SidecarOrder, { readonly type: "endpoints" }>;

export type RedirectReport = { readonly type: "started" };
