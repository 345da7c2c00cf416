/** Which VirtualService route takes the calls to a host and port. Source: istio/istio pilot/pkg/networking/core/route. */
import { exportedTo, hostMatches, qualifyHost, specificity } from "./istio-hosts.ts";
import type { IstioResource } from "./istio-hosts.ts";
import { durationMs, isObject, listAt, numberAt, objectAt, textAt, textsAt } from "./json.ts";
import type { Spec } from "./json.ts";
import type { HeaderEdits, RetryPolicy, RetryRules } from "./types.ts";

export type Caller = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };

/** A sidecar looks only at VirtualServices of the gateway `mesh`, which is also what an empty list means. */
const forSidecars = (resource: IstioResource): boolean => {
  const gateways = textsAt(resource.spec, "gateways");
  return gateways.length === 0 || gateways.includes("mesh");
};

/** The VirtualService in force for `fqdn`: an exact host before a wildcard, then the one that comes first. */
export function virtualServiceFor(
  resources: readonly IstioResource[],
  fqdn: string,
  caller: Caller,
): IstioResource | null {
  let best: { resource: IstioResource; rank: number } | null = null;
  for (const resource of resources) {
    if (!forSidecars(resource) || !exportedTo(resource, caller.namespace)) continue;
    for (const written of textsAt(resource.spec, "hosts")) {
      const host = qualifyHost(written, resource.namespace);
      if (!hostMatches(host, fqdn)) continue;
      const rank = specificity(host);
      if (best === null || rank > best.rank) best = { resource, rank };
    }
  }
  return best?.resource ?? null;
}

/** VirtualServices that name `fqdn` and still do not reach this caller, with the reason. */
export function passedOver(resources: readonly IstioResource[], fqdn: string, caller: Caller): string[] {
  return resources.flatMap((resource) => {
    const names = textsAt(resource.spec, "hosts").some((host) =>
      hostMatches(qualifyHost(host, resource.namespace), fqdn),
    );
    if (!names) return [];
    const label = `VirtualService ${resource.namespace}/${resource.name}`;
    if (!forSidecars(resource)) return [`${label} is bound to gateways without mesh: sidecars ignore it`];
    if (!exportedTo(resource, caller.namespace)) return [`${label} is not exported to ${caller.namespace}`];
    return [];
  });
}

/** Conditions that every request of this caller to this port meets, or that none does; null = it depends. */
function meets(match: unknown, port: number, caller: Caller): boolean | null {
  if (!isObject(match)) return true;
  const wantedPort = numberAt(match, "port");
  if (wantedPort !== null && wantedPort !== port) return false;
  const gateways = textsAt(match, "gateways");
  if (gateways.length > 0 && !gateways.includes("mesh")) return false;
  const namespace = textAt(match, "sourceNamespace");
  if (namespace !== null && namespace !== caller.namespace) return false;
  const labels = Object.entries(objectAt(match, "sourceLabels") ?? {});
  if (labels.some(([key, value]) => caller.labels[key] !== value)) return false;
  const decided = new Set(["name", "port", "gateways", "sourceNamespace", "sourceLabels", "statPrefix"]);
  const others = Object.keys(match).filter((key) => !decided.has(key));
  const everyPath = others.length === 1 && textAt(match, "uri", "prefix") === "/";
  return others.length === 0 || everyPath ? true : null;
}

export type PickedRoute = { readonly route: Spec; readonly path: string; readonly notes: readonly string[] };

/**
 * The first route that takes every request of this caller to the port. Conditions on the request itself (path,
 * headers) are not followed: such a route is taken only where no unconditional one exists, and the notes say so.
 */
export function pickRoute(
  resource: IstioResource,
  kind: "http" | "tcp",
  port: number,
  caller: Caller,
): PickedRoute | null {
  let conditional: PickedRoute | null = null;
  const notes: string[] = [];
  for (const [index, item] of listAt(resource.spec, kind).entries()) {
    if (!isObject(item)) continue;
    const path = `spec.${kind}[${index}]`;
    const matches = listAt(item, "match");
    const met = matches.length === 0 ? [true] : matches.map((match) => meets(match, port, caller));
    if (met.includes(true)) return { route: item, path, notes };
    if (!met.includes(null)) continue;
    notes.push(`${path} matches only some requests: its match is not acted on`);
    conditional ??= { route: item, path, notes };
  }
  return conditional;
}

const RETRY_ON = ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"];

/** Those of 1.26 and newer. */
const NEWEST: RetryRules = { sameHostWhereHashed: true, on503: false, readsIgnorePreviousHosts: true };

/** Istio's default. `previousHosts` is left out on a consistent-hash route with one destination. */
export const defaultRetryPolicy = (previousHosts: boolean, rules: RetryRules = NEWEST): RetryPolicy => ({
  numRetries: 2,
  retryOn: RETRY_ON,
  retriableStatusCodes: rules.on503 ? [503] : [],
  previousHosts,
  hostSelectionRetryMaxAttempts: 5,
});

/** A route's `retries`; `attempts` 0 or left out turns retries off. Source: …/core/route/retry/retry.go. */
export function retryPolicyOf(
  retries: Spec | null,
  hashedToOne: boolean,
  rules: RetryRules = NEWEST,
): RetryPolicy | null {
  const previousHosts = !(hashedToOne && rules.sameHostWhereHashed);
  if (retries === null) return defaultRetryPolicy(previousHosts, rules);
  const attempts = numberAt(retries, "attempts") ?? 0;
  if (attempts === 0) return null;
  const words = (textAt(retries, "retryOn") ?? "").split(",").map((word) => word.trim());
  const given = words.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const named = words.filter((word) => word !== "" && !/^\d+$/.test(word));
  const isGiven = words.some((word) => word !== "");
  const retryOn = isGiven ? named : RETRY_ON;
  const codes = isGiven ? given : defaultRetryPolicy(previousHosts, rules).retriableStatusCodes;
  const perTryTimeoutMs = durationMs(textAt(retries, "perTryTimeout"));
  const forced = rules.readsIgnorePreviousHosts ? retries["retryIgnorePreviousHosts"] : undefined;
  return {
    numRetries: attempts,
    retryOn:
      codes.length > 0 && !retryOn.includes("retriable-status-codes")
        ? [...retryOn, "retriable-status-codes"]
        : retryOn,
    retriableStatusCodes: codes,
    previousHosts: typeof forced === "boolean" ? forced : previousHosts,
    hostSelectionRetryMaxAttempts: 5,
    ...(perTryTimeoutMs === null || perTryTimeoutMs === 0 ? {} : { perTryTimeoutMs }),
  };
}

const lowerCaseTexts = (values: Spec | null): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values ?? {}).flatMap(([name, value]) =>
      typeof value === "string" ? [[name.toLowerCase(), value]] : [],
    ),
  );

export function headerEditsOf(headers: Spec | null): HeaderEdits | null {
  if (headers === null) return null;
  const edits = {
    set: lowerCaseTexts(objectAt(headers, "set")),
    add: lowerCaseTexts(objectAt(headers, "add")),
    remove: textsAt(headers, "remove").map((name) => name.toLowerCase()),
  };
  const none = Object.keys(edits.set).length + Object.keys(edits.add).length + edits.remove.length === 0;
  return none ? null : edits;
}
