/** Envoy's access log: one JSON object a line on its standard output, in the words of the built-in sidecar's. */
import type { ResolvedRoute } from "../../../routing/types.ts";
import type { AccessLogEntry, SidecarEndpoint } from "../../../services/sidecar/protocol.ts";
import type { JsonObject } from "../../../topology/types.ts";

/** Command operators of envoyproxy/envoy docs/root/configuration/advanced/substitution_formatter.rst. */
export const accessLog = (route: ResolvedRoute): JsonObject => ({
  name: "envoy.access_loggers.stdout",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
    log_format: {
      json_format: {
        host: route.host,
        port: route.port,
        ...hashedHeader(route),
        request_id: "%REQ(X-REQUEST-ID)%",
        status: "%RESPONSE_CODE%",
        flags: "%RESPONSE_FLAGS%",
        upstream: "%UPSTREAM_HOST%",
        attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        start: "%START_TIME(%s.%6f)%",
        duration_us: "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        duration_ms: "%DURATION%",
      },
    },
  },
});

const hashedHeader = ({ hashPolicies }: ResolvedRoute): JsonObject => {
  const header = hashPolicies.find((policy) => policy.kind === "header");
  return header === undefined ? {} : { hashed: `%REQ(${header.headerName})%` };
};

type LogLine = {
  readonly host: string;
  readonly port: number;
  readonly request_id: string | null;
  readonly status: number | null;
  readonly flags: string | null;
  readonly upstream: string | null;
  readonly attempts: number | null;
  readonly start: string | number;
  readonly duration_us: number | null;
  readonly duration_ms: number | null;
  readonly hashed?: string | null;
};

export type LogContext = {
  readonly speed: number;
  /** Topology time of an instant of the machine's own clock, Unix milliseconds. */
  readonly atUsOf: (unixMs: number) => number;
  /** Whose address this is, of the endpoints there are or were. */
  readonly endpointAt: (bindAddress: string) => SidecarEndpoint | undefined;
};

/** What a line says; null for one that is no access log. */
export function accessLogEntry(line: string, context: LogContext): AccessLogEntry | null {
  const given = read(line);
  if (given === null) return null;
  const realUs = given.duration_us ?? (given.duration_ms ?? 0) * 1000;
  const endpoint = given.upstream === null ? undefined : context.endpointAt(given.upstream);
  return {
    type: "access",
    atUs: context.atUsOf(Number(given.start) * 1000 + realUs / 1000),
    requestId: given.request_id,
    authority: given.port === 80 ? given.host : `${given.host}:${given.port}`,
    status: given.status ?? 0,
    flags: given.flags ?? "-",
    upstreamHost: endpoint?.address ?? given.upstream,
    pod: endpoint?.pod ?? null,
    attempts: given.attempts ?? 0,
    durationUs: Math.round(realUs * context.speed),
    // Envoy tells neither which endpoint list a choice was made from nor the hash.
    endpointsVersion: null,
    hash: null,
    hashed: given.hashed ?? null,
  };
}

function read(line: string): LogLine | null {
  if (!line.startsWith("{")) return null;
  try {
    const given = JSON.parse(line) as LogLine;
    return typeof given.host === "string" && given.start !== undefined ? given : null;
  } catch {
    return null;
  }
}
