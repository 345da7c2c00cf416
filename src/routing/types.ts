/**
 * What a client-side proxy makes of a Service, its VirtualService and its DestinationRule: the part of Envoy's route
 * and cluster configuration that decides where a request goes. Names are Envoy's.
 */
export type LbPolicy =
  | "RING_HASH"
  | "MAGLEV"
  | "RANDOM"
  | "ROUND_ROBIN"
  | "LEAST_REQUEST"
  | "CLUSTER_PROVIDED";

export type HashPolicy =
  | { readonly kind: "header"; readonly headerName: string }
  | { readonly kind: "cookie"; readonly name: string; readonly path?: string; readonly ttlSeconds?: number }
  | { readonly kind: "source_ip" }
  | { readonly kind: "query_parameter"; readonly name: string };

/** Limits per cluster and client proxy; `Infinity` where nothing is configured (Istio writes 2³²−1). */
export type CircuitBreakers = {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
};

export type ResolvedCluster = {
  /** As Istio names it: `outbound|8000||test-api-small.percolate-test.svc.cluster.local`. */
  readonly name: string;
  /** Fully qualified name of the Service whose endpoints are the hosts. */
  readonly service: string;
  readonly port: number;
  readonly type: "EDS" | "ORIGINAL_DST";
  readonly lbPolicy: LbPolicy;
  /** Ring hash: minimum and maximum size. */
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
  /** Maglev's table size, a prime. */
  readonly tableSize: number;
  readonly circuitBreakers: CircuitBreakers;
  readonly connectTimeoutMs: number;
  /** The route names a Service or subset that does not exist: Envoy has no such cluster and answers 503 `NC`. */
  readonly missing?: boolean;
};

/** A VirtualService's `headers.request` or `.response`; names in lower case. */
export type HeaderEdits = {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
};

export type RetryPolicy = {
  readonly numRetries: number;
  readonly retryOn: readonly string[];
  readonly retriableStatusCodes: readonly number[];
  /** Istio leaves this predicate out on a consistent-hash route with one destination. */
  readonly previousHosts: boolean;
  readonly hostSelectionRetryMaxAttempts: number;
  readonly perTryTimeoutMs?: number;
};

/** Where releases of istiod write retries otherwise. Source: istio/istio pilot/pkg/networking/core/route/retry/retry.go. */
export type RetryRules = {
  /** `previous_hosts` is left out on a consistent-hash route with one destination: since 1.23. */
  readonly sameHostWhereHashed: boolean;
  /** Status 503 is among the defaults: until 1.23. */
  readonly on503: boolean;
  /** `retryIgnorePreviousHosts` is read: since 1.26. */
  readonly readsIgnorePreviousHosts: boolean;
};

export type ResolvedDestination = {
  readonly weight: number;
  readonly cluster: ResolvedCluster;
  /** Applied before the route's own, and before the request is hashed. */
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
};

/** How calls to one Service port are routed. */
export type ResolvedRoute = {
  /** Fully qualified name and port that the client calls. */
  readonly host: string;
  readonly port: number;
  /** `tcp`: the proxy sees no headers and picks a host once for each connection. Absent = `http`. */
  readonly protocol?: "http" | "tcp";
  /** Empty where no route matches: Envoy answers 404 `NR`. */
  readonly destinations: readonly ResolvedDestination[];
  readonly hashPolicies: readonly HashPolicy[];
  readonly retryPolicy: RetryPolicy | null;
  /** The route's time limit in milliseconds; 0 = none. */
  readonly timeoutMs: number;
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
  /** The rules of the manifests that led here, each with the words a person can look up. */
  readonly because: readonly string[];
};

/** One endpoint as the balancer sees it. `address` (`podIP:port`) is the string that is hashed. */
export type Host = {
  readonly address: string;
  readonly weight: number;
  /** The pod's, where a strategy numbers hosts; Envoy's balancers do not look at it. */
  readonly name?: string;
};
