/**
 * How one Service port is routed, as istiod writes it for Envoy: the filter chain of the port's listener with its route
 * table. Sources: istio/istio pilot/pkg/networking/core/route/{route,retry/retry}.go; envoyproxy/envoy
 * api/envoy/config/route/v3/route_components.proto.
 */
import type {
  HashPolicy,
  HeaderEdits,
  ResolvedDestination,
  ResolvedRoute,
  RetryPolicy,
} from "../../../routing/types.ts";
import type { Json, JsonObject } from "../../../topology/types.ts";
import { accessLog } from "./access-log.ts";
import { duration, guardMs } from "./cluster-config.ts";

const TYPE = "type.googleapis.com/envoy.extensions";

/** A named extension with its configuration. */
const typed = (name: string, type: string, config: JsonObject = {}): JsonObject => ({
  name,
  typed_config: { "@type": `${TYPE}.${type}`, ...config },
});

/** As a client writes it: without the port that its scheme implies. */
const authorityOf = (route: ResolvedRoute): string =>
  route.port === 80 ? route.host : `${route.host}:${route.port}`;

function hashPolicy(policy: HashPolicy): JsonObject {
  switch (policy.kind) {
    case "header":
      return { header: { header_name: policy.headerName } };
    case "cookie":
      return {
        cookie: {
          name: policy.name,
          ...(policy.path === undefined ? {} : { path: policy.path }),
          ...(policy.ttlSeconds === undefined ? {} : { ttl: duration(policy.ttlSeconds * 1000) }),
        },
      };
    case "source_ip":
      return { connection_properties: { source_ip: true } };
    default:
      return { query_parameter: { name: policy.name } };
  }
}

const BACK_OFF_MS = { base: 25, max: 250 };

function retryPolicy(policy: RetryPolicy, speed: number): JsonObject {
  // Envoy counts back-off in whole milliseconds, one at the least.
  const baseMs = Math.max(1, BACK_OFF_MS.base / speed);
  return {
    num_retries: policy.numRetries,
    retry_on: policy.retryOn.join(","),
    retriable_status_codes: policy.retriableStatusCodes,
    host_selection_retry_max_attempts: policy.hostSelectionRetryMaxAttempts,
    retry_back_off: {
      base_interval: duration(baseMs),
      max_interval: duration(Math.max(baseMs, BACK_OFF_MS.max / speed)),
    },
    ...(policy.perTryTimeoutMs === undefined
      ? {}
      : { per_try_timeout: duration(guardMs(policy.perTryTimeoutMs, speed)) }),
    ...(policy.previousHosts
      ? {
          retry_host_predicate: [
            typed(
              "envoy.retry_host_predicates.previous_hosts",
              "retry.host.previous_hosts.v3.PreviousHostsPredicate",
            ),
          ],
        }
      : {}),
  };
}

const added = (
  headers: Readonly<Record<string, string>>,
  action: "OVERWRITE_IF_EXISTS_OR_ADD" | "APPEND_IF_EXISTS_OR_ADD",
): JsonObject[] =>
  Object.entries(headers).map(([key, value]) => ({
    // A percent sign begins a command to Envoy's formatter; two of them are one.
    header: { key, value: value.replaceAll("%", "%%") },
    append_action: action,
    keep_empty_value: true,
  }));

function edits(kind: "request" | "response", given: HeaderEdits | undefined): JsonObject {
  if (given === undefined) return {};
  return {
    [`${kind}_headers_to_remove`]: given.remove,
    [`${kind}_headers_to_add`]: [
      ...added(given.set, "OVERWRITE_IF_EXISTS_OR_ADD"),
      ...added(given.add, "APPEND_IF_EXISTS_OR_ADD"),
    ],
  };
}

const edited = (of: {
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
}): JsonObject => ({
  ...edits("request", of.requestHeaders),
  ...edits("response", of.responseHeaders),
});

const hasEdits = ({ requestHeaders, responseHeaders }: ResolvedDestination): boolean =>
  requestHeaders !== undefined || responseHeaders !== undefined;

/** Where it goes: one cluster, or several of which one is drawn for each request. */
function destination(destinations: readonly ResolvedDestination[]): JsonObject {
  const [only] = destinations;
  if (destinations.length === 1 && only !== undefined && !hasEdits(only))
    return { cluster: only.cluster.name };
  return {
    weighted_clusters: {
      clusters: destinations.map((one) => ({
        name: one.cluster.name,
        weight: one.weight,
        ...edited(one),
      })),
    },
  };
}

/** No destination leaves the virtual host without a route: 404 `NR`. */
function virtualHost(route: ResolvedRoute, speed: number): JsonObject {
  const routes: Json[] =
    route.destinations.length === 0
      ? []
      : [
          {
            match: { prefix: "/" },
            route: {
              ...destination(route.destinations),
              // The client called a loopback address; the pod is told the name that it stands for.
              host_rewrite_literal: authorityOf(route),
              timeout: duration(route.timeoutMs === 0 ? 0 : guardMs(route.timeoutMs, speed)),
              ...(route.hashPolicies.length === 0 ? {} : { hash_policy: route.hashPolicies.map(hashPolicy) }),
              ...(route.retryPolicy === null ? {} : { retry_policy: retryPolicy(route.retryPolicy, speed) }),
            },
            ...edited(route),
          },
        ];
  return { name: authorityOf(route), domains: ["*"], include_request_attempt_count: true, routes };
}

function httpFilter(route: ResolvedRoute, speed: number): JsonObject {
  return typed(
    "envoy.filters.network.http_connection_manager",
    "filters.network.http_connection_manager.v3.HttpConnectionManager",
    {
      stat_prefix: `outbound_${route.port}`,
      route_config: {
        name: authorityOf(route),
        // A route may name a cluster that does not exist: 503 `NC`, not a refusal of the whole table.
        validate_clusters: false,
        virtual_hosts: [virtualHost(route, speed)],
      },
      http_filters: [typed("envoy.filters.http.router", "filters.http.router.v3.Router")],
      access_log: [accessLog(route)],
      normalize_path: true,
      stream_idle_timeout: "0s",
      // A request id that a client gave stays as it is.
      preserve_external_request_id: true,
    },
  );
}

function tcpFilter(route: ResolvedRoute): JsonObject {
  const [only] = route.destinations;
  return typed("envoy.filters.network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: `outbound_${route.port}`,
    ...(route.destinations.length === 1 && only !== undefined
      ? { cluster: only.cluster.name }
      : {
          weighted_clusters: {
            clusters: route.destinations.map(({ cluster, weight }) => ({ name: cluster.name, weight })),
          },
        }),
    hash_policy: route.hashPolicies.filter(({ kind }) => kind === "source_ip").map(() => ({ source_ip: {} })),
    access_log: [accessLog(route)],
  });
}

/** The one filter chain of a port's listener. */
export const filterChain = (route: ResolvedRoute, speed: number): JsonObject => ({
  filters: [
    route.protocol === "tcp" && route.destinations.length > 0 ? tcpFilter(route) : httpFilter(route, speed),
  ],
});
