/**
 * How the local engine talks to the built-in sidecar: one JSON object a line, orders on its standard input, reports on
 * its standard output. The sidecar ends when its standard input closes.
 */
import type { ResolvedRoute } from "../../routing/types.ts";

/** One Service port of the topology that the client pod may call, and where the sidecar has to listen for it. */
export type SidecarListener = {
  readonly route: ResolvedRoute;
  /** Loopback address to bind; port 0 = any free one (reported back). */
  readonly bindAddress: string;
  readonly bindPort: number;
};

export type SidecarEndpoint = {
  /** `podIP:port` as the cluster would know it: what is hashed and what the access log names. */
  readonly address: string;
  readonly pod: string;
  /** Where the pod really listens on this machine. */
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly weight: number;
  /** Ready endpoints are balanced over; all of them are in a headless name where the Service publishes them. */
  readonly ready: boolean;
};

export type SidecarOrder =
  | {
      readonly type: "start";
      readonly seed: number;
      readonly listeners: readonly SidecarListener[];
      /** Where its DNS answers (UDP): headless Services' names, `null` = no DNS. */
      readonly dns: { readonly bindAddress: string; readonly bindPort: number } | null;
      /** Fully qualified names of headless Services with the port of each (named `http` in SRV questions). */
      readonly headless: readonly {
        readonly service: string;
        readonly port: number;
        readonly publishNotReadyAddresses: boolean;
      }[];
      /** Replaces the balancer of every hashing cluster: the negative control "hashing replaced by random". */
      readonly overrideLbPolicy?: "RANDOM";
    }
  /** The whole endpoint list of one Service, replacing the one before. `version` grows with each change. */
  | {
      readonly type: "endpoints";
      readonly service: string;
      readonly version: number;
      readonly endpoints: readonly SidecarEndpoint[];
    };

export type SidecarReport =
  | {
      readonly type: "started";
      readonly listeners: readonly {
        readonly host: string;
        readonly port: number;
        readonly bindAddress: string;
        readonly bindPort: number;
      }[];
      readonly dns: { readonly bindAddress: string; readonly bindPort: number } | null;
    }
  | AccessLogEntry;

/** One finished exchange with the client, in Envoy's words. */
export type AccessLogEntry = {
  readonly type: "access";
  /** Topology time at which the answer was complete, or given up. */
  readonly atUs: number;
  readonly requestId: string | null;
  /** The host that the client called. */
  readonly authority: string;
  readonly status: number;
  /** Envoy's response flags (`UH`, `UO`, `URX,UF`, …), `-` for none. */
  readonly flags: string;
  /** `podIP:port` that answered, null where no host was chosen. */
  readonly upstreamHost: string | null;
  readonly pod: string | null;
  readonly attempts: number;
  readonly durationUs: number;
  /** Version of the endpoint list that the last choice was made from; null where the proxy does not tell. */
  readonly endpointsVersion: number | null;
  /** The request hash in decimal, null where none was computed or the proxy does not tell. */
  readonly hash: string | null;
  /** The first value of the header that is hashed, null without one: whose request it was. */
  readonly hashed: string | null;
};
