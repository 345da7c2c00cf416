/** What scrapes the pods and answers the triggers' queries: limpet itself, or a real Prometheus. */
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import type { QuerySource } from "../../controlplane/query-source.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import type { Tsdb } from "../../metrics/tsdb.ts";

export interface Metrics {
  /** Where its HTTP API is, once it has started. */
  readonly url: string;
  /** Told of the pods there are whenever these change, where not the control plane scrapes them. */
  readonly discovery?: (pods: readonly PodIdentity[]) => void;
  querySource(tsdb: Tsdb): QuerySource;
  /** Listens on 127.0.0.1 at `port`, 0 = any free one. */
  start(plane: ControlPlane, port: number): Promise<void>;
  /** Resolves when these pods have been found and read, as far as they ask to be; the built-in scraper needs no time. */
  found(pods: readonly PodIdentity[]): Promise<void>;
  /** The fault "Prometheus is gone": for so long (topology time) nothing is scraped and no query is answered. */
  stopFor(seconds: number): Promise<void>;
  close(): Promise<void>;
}
