/** The built-in Prometheus: one store, asked by KEDA and the HPA in process and by people over HTTP. */
import { createServer } from "node:http";
import { type Clock, secondsToUs, unixMsAt } from "../../clock/clock.ts";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import type { QuerySource } from "../../controlplane/query-source.ts";
import type { Scraper, TargetState } from "../../controlplane/scraper.ts";
import type { PrometheusAnswer } from "../../metrics/answer.ts";
import { prometheusApi } from "../../metrics/http-api.ts";
import { queryTsdb } from "../../metrics/query-client.ts";
import type { Tsdb } from "../../metrics/tsdb.ts";
import { listenOnLoopback } from "./loopback.ts";
import type { Metrics } from "./metrics.ts";

export class BuiltInMetrics implements Metrics {
  readonly #clock: Clock;
  readonly #version: 2 | 3;
  #served: { url: string; close(): Promise<void> } | null = null;
  #scraper: Scraper | null = null;
  #away = false;

  constructor(clock: Clock, version: 2 | 3) {
    this.#clock = clock;
    this.#version = version;
  }

  get url(): string {
    return this.#served?.url ?? "";
  }

  querySource(tsdb: Tsdb): QuerySource {
    return {
      query: (promql, timeUnixSeconds) =>
        this.#away
          ? NO_ANSWER
          : queryTsdb(tsdb, {
              query: promql,
              timeUnixSeconds,
              options: { version: this.#version },
            }),
    };
  }

  async start({ tsdb, scraper }: ControlPlane, port: number): Promise<void> {
    this.#scraper = scraper;
    const targets = (): readonly TargetState[] => scraper?.targets() ?? [];
    this.#served = await servePrometheus({
      port,
      clock: this.#clock,
      tsdb,
      targets,
      version: this.#version,
    });
  }

  async found(): Promise<void> {}

  async stopFor(seconds: number): Promise<void> {
    this.#setAway(true);
    this.#clock.at(this.#clock.nowUs() + secondsToUs(seconds), () => this.#setAway(false));
  }

  async close(): Promise<void> {
    await this.#served?.close();
  }

  #setAway(away: boolean): void {
    this.#away = away;
    this.#scraper?.setDown(away);
  }
}

const NO_ANSWER: PrometheusAnswer = {
  httpStatus: null,
  status: null,
  resultType: null,
  result: null,
  errorType: null,
  error: "connection refused",
  warnings: [],
};

async function servePrometheus(options: {
  port: number;
  clock: Clock;
  tsdb: Tsdb;
  targets: () => readonly TargetState[];
  version: 2 | 3;
}): Promise<{ url: string; close(): Promise<void> }> {
  const { clock, tsdb, targets, version } = options;
  const handler = prometheusApi({
    tsdb,
    query: { version },
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
