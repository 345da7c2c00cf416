/** What a real Prometheus is started with: the topology's scrape configuration, in the run's time. */
import type { ScrapeJob } from "../../../topology/types.ts";
import type { Json, JsonObject } from "../../../topology/types.ts";

/** prometheus/prometheus promql/engine.go: how old a sample may be and still be the value now. */
const LOOKBACK_MS = 5 * 60_000;
const MIN_REAL_TIMEOUT_MS = 1_000;
/** How long Prometheus may collect changes of targets before it acts on them; its own default is 5 s. */
const DISCOVERY_RELOAD_MS = 100;

const milliseconds = (ms: number): string => `${Math.max(1, Math.round(ms))}ms`;

/** `prometheus.yml`; JSON is YAML. The targets are in a file of their own, which is read again when it changes. */
export function prometheusConfig(scrape: ScrapeJob, speed: number, targetsFile: string): JsonObject {
  const intervalMs = (scrape.scrapeIntervalSeconds * 1000) / speed;
  const timeoutMs = Math.max(MIN_REAL_TIMEOUT_MS, (scrape.scrapeTimeoutSeconds * 1000) / speed);
  return {
    global: {
      scrape_interval: milliseconds(intervalMs),
      scrape_timeout: milliseconds(Math.min(intervalMs, timeoutMs)),
    },
    scrape_configs: [{ job_name: scrape.name, file_sd_configs: [{ files: [targetsFile] }] }],
  };
}

export type Target = {
  readonly address: string;
  readonly path: string;
  /** As the built-in scraper gives them. */
  readonly labels: Readonly<Record<string, string>>;
};

/** One group for each pod: the address is where it listens here, `instance` where it would in the cluster. */
export const targetGroups = (targets: readonly Target[]): Json[] =>
  targets.map(({ address, path, labels }) => {
    // The job's name comes from the configuration.
    const { job: _, ...own } = labels;
    return { targets: [address], labels: { ...own, __metrics_path__: path } };
  });

export function prometheusFlags(given: {
  readonly configFile: string;
  readonly dataFolder: string;
  readonly port: number;
  readonly speed: number;
}): string[] {
  const { configFile, dataFolder, port, speed } = given;
  return [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${dataFolder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
    ...(speed === 1
      ? []
      : [
          `--query.lookback-delta=${milliseconds(LOOKBACK_MS / speed)}`,
          `--scrape.discovery-reload-interval=${milliseconds(DISCOVERY_RELOAD_MS)}`,
        ]),
  ];
}
