/** How often metrics are read: from the Prometheus in the manifests, else as Prometheus does by itself. */
import { getIn, getItems, getMap, getString, type Located, type LocatedMap } from "./located.ts";
import { parseEmbeddedYaml } from "./parse-yaml.ts";
import type { Budget, Problems } from "./problems.ts";
import type { ScrapeJob, Source } from "./types.ts";

/** prometheus/prometheus config/config.go, DefaultGlobalConfig. */
const DEFAULT_INTERVAL_SECONDS = 60;
const DEFAULT_TIMEOUT_SECONDS = 10;

export type Scrape = ScrapeJob & { readonly source: string };

export const DEFAULT_SCRAPE: Scrape = {
  name: "pods",
  scrapeIntervalSeconds: DEFAULT_INTERVAL_SECONDS,
  scrapeTimeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
  source: "Prometheus's own default",
};

/** Whether an image is Prometheus itself: `prom/prometheus:v3`, `quay.io/…/prometheus@sha256:…`. */
export const isPrometheusImage = (image: string): boolean => /(?:^|\/)prometheus(?:[:@].*)?$/.test(image);

const UNITS: Readonly<Record<string, number>> = {
  y: 31_536_000,
  w: 604_800,
  d: 86_400,
  h: 3_600,
  m: 60,
  s: 1,
  ms: 0.001,
};

/** A Prometheus duration (`1m30s`, `500ms`) in seconds, or null. */
export function prometheusDurationSeconds(text: string): number | null {
  if (text === "0") return 0;
  const match = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(
    text,
  );
  if (!match || text === "") return null;
  return Object.keys(UNITS).reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * (UNITS[unit] ?? 0), 0);
}

/** ConfigMaps that a Prometheus workload mounts. */
export function mountedConfigMaps(nodes: readonly LocatedMap[]): LocatedMap[] {
  const mounted = nodes.flatMap((node) => {
    const pod = getIn(node, ["spec", "template", "spec"]);
    const isPrometheus = getItems(pod, "containers").some((container) =>
      isPrometheusImage(getString(container, "image") ?? ""),
    );
    if (!isPrometheus) return [];
    return getItems(pod, "volumes").flatMap((volume) => [
      getString(volume, "configMap", "name"),
      ...getItems(volume, "projected", "sources").map((source) => getString(source, "configMap", "name")),
    ]);
  });
  return nodes.filter(
    (node) =>
      getString(node, "kind") === "ConfigMap" && mounted.includes(getString(node, "metadata", "name")),
  );
}

const shown = (where: Source): string => `${where.file}:${where.line}`;

/** The first configuration found in a ConfigMap of a Prometheus workload, else {@link DEFAULT_SCRAPE}. */
export function readScrape(nodes: readonly LocatedMap[], problems: Problems, budget: Budget): Scrape {
  for (const configMap of mountedConfigMaps(nodes)) {
    for (const [key, text] of getMap(configMap, "data")?.entries ?? []) {
      if (text.type !== "scalar" || !/\.ya?ml$/.test(key)) continue;
      const [document] = parseEmbeddedYaml(text, problems, budget);
      if (document?.type !== "map") continue;
      if (document.entries.has("scrape_configs") || document.entries.has("global"))
        return scrapeOf(document, problems);
    }
  }
  return DEFAULT_SCRAPE;
}

/** The job that finds pods, else endpoints, else the first; its own interval, else the global one. */
function scrapeOf(document: LocatedMap, problems: Problems): Scrape {
  const jobs = getItems(document, "scrape_configs");
  const withRole = (role: string): Located | undefined =>
    jobs.find((job) => getItems(job, "kubernetes_sd_configs").some((sd) => getString(sd, "role") === role));
  const job = withRole("pod") ?? withRole("endpointslice") ?? withRole("endpoints") ?? jobs[0];
  const duration = (field: string): { seconds: number; source: Source } | null => {
    const node = getIn(job, [field]) ?? getIn(document, ["global", field]);
    if (node === undefined) return null;
    const seconds = node.type === "scalar" ? prometheusDurationSeconds(String(node.value)) : null;
    if (seconds !== null && seconds > 0) return { seconds, source: node.source };
    problems.add(node.source, `${field} must be a duration like 5s or 1m30s`);
    return null;
  };
  const interval = duration("scrape_interval");
  const seconds = interval?.seconds ?? DEFAULT_INTERVAL_SECONDS;
  return {
    name: getString(job, "job_name") ?? DEFAULT_SCRAPE.name,
    scrapeIntervalSeconds: seconds,
    scrapeTimeoutSeconds: Math.min(duration("scrape_timeout")?.seconds ?? DEFAULT_TIMEOUT_SECONDS, seconds),
    source: interval === null ? DEFAULT_SCRAPE.source : shown(interval.source),
  };
}
