import { EnvReader, HEADER_NAME, PATH, type Env } from "../shared/env.ts";

export type ApiConfig = {
  readonly port: number;
  readonly listenAddress: string;
  /** The pod's name, as the answers and metrics give it; `unknown` where nobody says. */
  readonly pod: string;
  readonly tier: string;
  /** Simulated work of one request, milliseconds of topology time. */
  readonly workMs: number;
  /** The most that a request may ask for with `work_ms` or `X-Work-Ms`; more is cut to this. */
  readonly workMsMax: number;
  /** Requests worked on at once; more wait. */
  readonly maxConcurrency: number;
  /** Requests that may wait; more are refused with 503. */
  readonly queueLimit: number;
  readonly requestPath: string;
  readonly tenantHeader: string;
  /** The field of the answer that names the pod. */
  readonly podField: string;
  /** Tenants whose state is kept; the one that was quiet for longest goes first. */
  readonly maxTenants: number;
  /** Tenants with a metric series of their own; the others share the label `other`. */
  readonly maxTenantSeries: number;
  readonly bodyLimitBytes: number;
  readonly drainSeconds: number;
  readonly drainDelaySeconds: number;
};

/**
 * Settings of the API program: PORT (8000), LISTEN_ADDRESS (0.0.0.0), POD_NAME, TIER, WORK_MS, WORK_MS_MAX,
 * MAX_CONCURRENCY, QUEUE_LIMIT, REQUEST_PATH, TENANT_HEADER, POD_FIELD, MAX_TENANTS, MAX_TENANT_SERIES, BODY_LIMIT_BYTES,
 * DRAIN_SECONDS, DRAIN_DELAY_SECONDS.
 *
 * @throws {InputError} naming every variable that cannot be read.
 */
export function apiConfigFromEnv(env: Env): ApiConfig {
  const read = new EnvReader(env);
  const config: ApiConfig = {
    port: read.integer("PORT", 8000, 0, 65_535),
    listenAddress: read.text("LISTEN_ADDRESS", "0.0.0.0"),
    pod: read.text("POD_NAME", "unknown"),
    tier: read.text("TIER", "small"),
    workMs: read.number("WORK_MS", 100, 0, 3_600_000),
    workMsMax: read.number("WORK_MS_MAX", 30_000, 0, 3_600_000),
    maxConcurrency: read.integer("MAX_CONCURRENCY", 64, 1, 100_000),
    queueLimit: read.integer("QUEUE_LIMIT", 1024, 0, 1_000_000),
    requestPath: read.text("REQUEST_PATH", "/process", PATH, "a path that begins with /"),
    tenantHeader: read.text("TENANT_HEADER", "x-tenant-id", HEADER_NAME, "a header's name").toLowerCase(),
    podField: read.text("POD_FIELD", "pod"),
    maxTenants: read.integer("MAX_TENANTS", 100_000, 1, 10_000_000),
    maxTenantSeries: read.integer("MAX_TENANT_SERIES", 2000, 0, 1_000_000),
    bodyLimitBytes: read.integer("BODY_LIMIT_BYTES", 1 << 20, 0, 1 << 30),
    drainSeconds: read.number("DRAIN_SECONDS", 25, 0, 3600),
    drainDelaySeconds: read.number("DRAIN_DELAY_SECONDS", 1, 0, 600),
  };
  if (["/health", "/ready", "/metrics", "/tenants"].includes(config.requestPath)) {
    read.problem("REQUEST_PATH", "a path that the program does not use itself", config.requestPath);
  }
  read.done();
  return config;
}
