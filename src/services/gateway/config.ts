import { isIP } from "node:net";
import { EnvReader, HEADER_NAME, isRecord, PATH, type Env } from "../shared/env.ts";
import { OWN_METRICS } from "./metric-names.ts";

export type Backend = {
  readonly tier: string;
  /** Where the tier's requests go: the origin of its routing Service. */
  readonly url: string;
  /** Fully qualified headless name that lists the tier's pods, ready or not; null where there is none. */
  readonly headless: string | null;
};

/** The metric that counts a tier's active tenants, as the topology's queries want it. */
export type ActiveTenantsMetric = {
  readonly tier: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** How long an answer may take, where nothing else is said. */
export const ANSWER_DEADLINE_SECONDS = 10;

export type GatewayConfig = {
  readonly port: number;
  readonly listenAddress: string;
  readonly pod: string;
  readonly seed: number | null;
  readonly backends: readonly Backend[];
  readonly defaultTier: string;
  /** Tenant id, or the beginning of one followed by `*`, → tier; see tierOf(). */
  readonly tenantTiers: Readonly<Record<string, string>>;
  readonly tenantIdleSeconds: number;
  /** 0: the gauge is computed at each scrape; else it is refreshed this often and scrapes see the last refresh. */
  readonly gaugeIntervalSeconds: number;
  readonly answerDeadlineSeconds: number;
  readonly connectTimeoutSeconds: number;
  readonly holdSeconds: number;
  readonly holdPerTenant: number;
  readonly holdTotal: number;
  readonly holdBytes: number;
  /** Requests in flight of one tier above which held ones wait on. */
  readonly releaseInFlight: number;
  /** Connections to one tier's backend, and so requests in flight above which new ones wait. */
  readonly backendConnections: number;
  readonly simulateEnabled: boolean;
  readonly simulateMax: number;
  readonly simulateSecondsMax: number;
  /** `ip:port` of the DNS server to ask; null: the system's. */
  readonly dnsServer: string | null;
  readonly requestPath: string;
  readonly backendPath: string;
  readonly tenantHeader: string;
  readonly tierHeader: string;
  readonly podField: string;
  readonly activeTenantsMetrics: readonly ActiveTenantsMetric[];
  readonly maxRequests: number;
  readonly maxTenants: number;
  readonly maxTenantSeries: number;
  readonly maxPodSeries: number;
  /** How long an expired tenant's owner is remembered and its series are kept. */
  readonly keepSeconds: number;
  readonly bodyLimitBytes: number;
  readonly answerLimitBytes: number;
  readonly drainSeconds: number;
  readonly drainDelaySeconds: number;
};

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Settings of the gateway program, with their defaults:
 *
 * - PORT (8080), LISTEN_ADDRESS (0.0.0.0), POD_NAME (test-gateway), LIMPET_SEED (from POD_NAME)
 * - BACKENDS: JSON `{tier: {"url": …, "headless": …}}`; without it BACKEND_SERVICE (http://test-api-small:8000) serves
 *   DEFAULT_TIER (small). TENANT_TIERS: JSON `{"id or prefix*": tier}`
 * - TENANT_IDLE_SECONDS (60), GAUGE_INTERVAL_SECONDS (0)
 * - ANSWER_DEADLINE_SECONDS (10), CONNECT_TIMEOUT_SECONDS (5)
 * - HOLD_SECONDS (60), HOLD_PER_TENANT (64), HOLD_TOTAL (4096), HOLD_BYTES (64 MiB), RELEASE_IN_FLIGHT (64)
 * - SIMULATE_ENABLED (false), SIMULATE_MAX (64), SIMULATE_SECONDS_MAX (3600)
 * - DNS_SERVER (the system's), BACKEND_CONNECTIONS (256)
 * - REQUEST_PATH (/request), BACKEND_PATH (/process), TENANT_HEADER (x-tenant-id), TIER_HEADER (x-tenant-tier),
 *   POD_FIELD (pod), ACTIVE_TENANTS_METRICS: JSON `[{"tier", "metric", "labels"}]` (test_active_tenants{tier})
 * - MAX_REQUESTS (10000), MAX_TENANTS (100000), MAX_TENANT_SERIES (2000), MAX_POD_SERIES (200), KEEP_SECONDS (300)
 * - BODY_LIMIT_BYTES (1 MiB), ANSWER_LIMIT_BYTES (8 MiB), DRAIN_SECONDS (25), DRAIN_DELAY_SECONDS (1)
 *
 * Seconds are topology time.
 *
 * @throws {InputError} naming every variable that cannot be read.
 */
export function gatewayConfigFromEnv(env: Env): GatewayConfig {
  const read = new EnvReader(env);
  const defaultTier = read.text("DEFAULT_TIER", "small");
  const service = read.text("BACKEND_SERVICE", "http://test-api-small:8000");
  if (originOf(service) === null && read.raw("BACKENDS") === undefined) {
    read.problem("BACKEND_SERVICE", "an http:// address", service);
  }
  const backends = read.json<readonly Backend[]>(
    "BACKENDS",
    [{ tier: defaultTier, url: originOf(service) ?? service, headless: null }],
    'JSON {"tier": {"url": "http://…", "headless": "name"}}',
    readBackends,
  );
  const tiers = backends.map(({ tier }) => tier);
  const requestPath = read.text("REQUEST_PATH", "/request", PATH, "a path that begins with /");
  const config: GatewayConfig = {
    port: read.integer("PORT", 8080, 0, 65_535),
    listenAddress: read.text("LISTEN_ADDRESS", "0.0.0.0"),
    pod: read.text("POD_NAME", "test-gateway"),
    seed: read.raw("LIMPET_SEED") === undefined ? null : read.integer("LIMPET_SEED", 0, 0, 2 ** 53 - 1),
    backends,
    defaultTier:
      read.raw("DEFAULT_TIER") === undefined ? (tiers.includes("small") ? "small" : tiers[0]!) : defaultTier,
    tenantTiers: read.json("TENANT_TIERS", {}, "JSON that maps tenants to tiers of BACKENDS", (value) =>
      readTenantTiers(value, tiers),
    ),
    tenantIdleSeconds: read.number("TENANT_IDLE_SECONDS", 60, 0, 86_400),
    gaugeIntervalSeconds: read.number("GAUGE_INTERVAL_SECONDS", 0, 0, 86_400),
    answerDeadlineSeconds: read.number("ANSWER_DEADLINE_SECONDS", ANSWER_DEADLINE_SECONDS, 0.001, 86_400),
    connectTimeoutSeconds: read.number("CONNECT_TIMEOUT_SECONDS", 5, 0.001, 86_400),
    holdSeconds: read.number("HOLD_SECONDS", 60, 0, 86_400),
    holdPerTenant: read.integer("HOLD_PER_TENANT", 64, 0, 1_000_000),
    holdTotal: read.integer("HOLD_TOTAL", 4096, 0, 1_000_000),
    holdBytes: read.integer("HOLD_BYTES", 64 << 20, 0, 2 ** 40),
    releaseInFlight: read.integer("RELEASE_IN_FLIGHT", 64, 1, 100_000),
    backendConnections: read.integer("BACKEND_CONNECTIONS", 256, 1, 100_000),
    simulateEnabled: read.flag("SIMULATE_ENABLED", false),
    simulateMax: read.integer("SIMULATE_MAX", 64, 1, 10_000),
    simulateSecondsMax: read.number("SIMULATE_SECONDS_MAX", 3600, 1, 86_400),
    dnsServer: read.raw("DNS_SERVER") ?? null,
    requestPath,
    backendPath: read.text("BACKEND_PATH", "/process", /^\/[^#\s]*$/, "a path that begins with /"),
    tenantHeader: read.text("TENANT_HEADER", "x-tenant-id", HEADER_NAME, "a header's name").toLowerCase(),
    tierHeader: read.text("TIER_HEADER", "x-tenant-tier", HEADER_NAME, "a header's name").toLowerCase(),
    podField: read.text("POD_FIELD", "pod"),
    activeTenantsMetrics: read.json<readonly ActiveTenantsMetric[]>(
      "ACTIVE_TENANTS_METRICS",
      tiers.map((tier) => ({ tier, metric: "test_active_tenants", labels: { tier } })),
      'JSON [{"tier": …, "metric": …, "labels": {…}}] with tiers of BACKENDS',
      (value) => readMetrics(value, tiers),
    ),
    maxRequests: read.integer("MAX_REQUESTS", 10_000, 1, 1_000_000),
    maxTenants: read.integer("MAX_TENANTS", 100_000, 1, 10_000_000),
    maxTenantSeries: read.integer("MAX_TENANT_SERIES", 2000, 0, 1_000_000),
    maxPodSeries: read.integer("MAX_POD_SERIES", 200, 0, 100_000),
    keepSeconds: read.number("KEEP_SECONDS", 300, 0, 86_400),
    bodyLimitBytes: read.integer("BODY_LIMIT_BYTES", 1 << 20, 0, 1 << 30),
    answerLimitBytes: read.integer("ANSWER_LIMIT_BYTES", 8 << 20, 0, 1 << 30),
    drainSeconds: read.number("DRAIN_SECONDS", 25, 0, 3600),
    drainDelaySeconds: read.number("DRAIN_DELAY_SECONDS", 1, 0, 600),
  };
  if (!tiers.includes(config.defaultTier)) {
    read.problem("DEFAULT_TIER", `one of ${tiers.join(", ")}`, config.defaultTier);
  }
  if (["/metrics", "/health", "/ready"].includes(requestPath) || requestPath.startsWith("/simulate/")) {
    read.problem("REQUEST_PATH", "a path that the program does not use itself", requestPath);
  }
  if (config.dnsServer !== null && !isServer(config.dnsServer)) {
    read.problem("DNS_SERVER", "an IP address, with :port where it is not 53", config.dnsServer);
  }
  for (const { metric } of config.activeTenantsMetrics) {
    if (OWN_METRICS.has(metric)) {
      read.problem("ACTIVE_TENANTS_METRICS", "a metric that the program does not serve itself", metric);
    }
  }
  read.done();
  return config;
}

function isServer(given: string): boolean {
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(given)?.[1] ?? given.replace(/^([\d.]+):\d+$/, "$1");
  return isIP(address) !== 0;
}

/** `http://name:port` of an address, null where it is not one that a request can be sent to. */
function originOf(address: unknown): string | null {
  if (typeof address !== "string" || !URL.canParse(address)) return null;
  const url = new URL(address);
  return url.protocol === "http:" ? url.origin : null;
}

function readBackends(value: unknown): readonly Backend[] | undefined {
  if (!isRecord(value)) return undefined;
  const backends: Backend[] = [];
  for (const [tier, given] of Object.entries(value)) {
    const { url, headless = null } = isRecord(given) ? given : { url: given };
    const origin = originOf(url);
    if (tier === "" || origin === null || (headless !== null && typeof headless !== "string"))
      return undefined;
    backends.push({ tier, url: origin, headless: headless === "" ? null : headless });
  }
  return backends.length > 0 ? backends : undefined;
}

function readTenantTiers(value: unknown, tiers: readonly string[]): Record<string, string> | undefined {
  if (!isRecord(value)) return undefined;
  const result: Record<string, string> = {};
  for (const [pattern, tier] of Object.entries(value)) {
    if (typeof tier !== "string" || !tiers.includes(tier)) return undefined;
    result[pattern] = tier;
  }
  return result;
}

function readMetrics(value: unknown, tiers: readonly string[]): readonly ActiveTenantsMetric[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const result: ActiveTenantsMetric[] = [];
  for (const entry of value as readonly unknown[]) {
    if (!isRecord(entry)) return undefined;
    const { tier, metric, labels = {} } = entry;
    if (typeof tier !== "string" || !tiers.includes(tier)) return undefined;
    if (typeof metric !== "string" || !METRIC_NAME.test(metric) || !isRecord(labels)) return undefined;
    const named: Record<string, string> = {};
    for (const [name, text] of Object.entries(labels)) {
      if (!LABEL_NAME.test(name) || typeof text !== "string") return undefined;
      named[name] = text;
    }
    result.push({ tier, metric, labels: named });
  }
  return result;
}
