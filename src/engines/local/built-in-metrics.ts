/** The built-in Prometheus: one store, asked by KEDA and the HPA in process and by people over HTTP. */
import { createServer } from "node:http";
import { type Clock, unixMsAt } from "../../clock/clock.ts";
import type { QuerySource } from "../../controlplane/query-source.ts";
import type { TargetState } from "../../controlplane/scraper.ts";
import { prometheusApi } from "../../metrics/http-api.ts";
import { queryTsdb } from "../../metrics/query-client.ts";
import type { Tsdb } from "../../metrics/tsdb.ts";
import { listenOnLoopback } from "./forwarder.ts";

/** `away` is the fault "Prometheus is gone": then a query gets no answer at all. */
export const builtInMetrics = (tsdb: Tsdb, away: () => boolean): QuerySource => ({
  query: (promql, timeUnixSeconds) =>
    away()
      ? {
          httpStatus: null,
          status: null,
          resultType: null,
          result: null,
          errorType: null,
          error: "connection refused",
          warnings: [],
        }
      : queryTsdb(tsdb, { query: promql, timeUnixSeconds }),
});

export async function servePrometheus(options: {
  port: number;
  clock: Clock;
  tsdb: Tsdb;
  targets: () => readonly TargetState[];
}): Promise<{ url: string; close(): Promise<void> }> {
  const { clock, tsdb, targets } = options;
  const handler = prometheusApi({
    tsdb,
    nowUnixMs: () => unixMsAt(clock, clock.nowUs()),
    targets: () =>
      targets().map((target) => ({
        labels: target.labels,
        discoveredLabels: {},
        scrapePool: target.job,
        scrapeUrl: `http://${target.instance}${target.path}`,
        health: target.up === null ? "unknown" : target.up ? "up" : "down",
        lastError: target.lastError ?? "",
        lastScrapeMs: target.lastScrapeAtUs === null ? null : unixMsAt(clock, target.lastScrapeAtUs),
        lastScrapeDurationSeconds: target.lastDurationSeconds,
        scrapeIntervalSeconds: target.intervalSeconds,
        scrapeTimeoutSeconds: target.timeoutSeconds,
      })),
  });
  const server = createServer(handler);
  const port = await listenOnLoopback(server, options.port, "Prometheus");
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
