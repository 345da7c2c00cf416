/** Why tenants are not hashed to their pods, read from the log's routes. */
import type { RouteEvent } from "../events/types.ts";
import type { Cause } from "./causes.ts";
import type { Evidence } from "./evidence.ts";

/** Why requests are not hashed to one pod; null where the route says that they are. */
export function routingCause(evidence: Evidence, tier: string): Cause | null {
  const route = evidence.route(tier);
  if (!route) return { reason: `the client's proxy has no route for tier ${tier}` };
  if (route.clusterType === "ORIGINAL_DST") return originalDst(route);
  if (route.override !== undefined) {
    return {
      reason: `hashing was replaced by ${route.override} in this run; the manifests say ${route.lbPolicy} on ${route.hashPolicies.join(", ") || "nothing"}`,
      remedy: "run without the override",
    };
  }
  if (route.lbPolicy === "RING_HASH" || route.lbPolicy === "MAGLEV") return hashedOtherwise(route);
  const balanced = `requests to ${route.host} are balanced by ${route.lbPolicy}, not by hashing`;
  const rule = route.destinationRule;
  if (rule) {
    return {
      reason: `${balanced}: DestinationRule ${rule.name} has no consistentHash for them`,
      remedy: `${placeOf(rule)} consistentHash: {httpHeaderName: ${route.tenantHeader.toLowerCase()}}`,
    };
  }
  const short = route.host.split(".")[0]!;
  const unused =
    route.unusedDestinationRules.find(({ name, host }) => name.startsWith(short) || host.startsWith(short)) ??
    route.unusedDestinationRules[0];
  if (!unused) {
    return { reason: balanced, remedy: `give ${route.host} a DestinationRule with consistentHash` };
  }
  return {
    reason: `${balanced}: DestinationRule ${unused.name} is for host ${unused.host}, which nobody calls`,
    remedy: `${placeOf(unused)} host: ${route.host}`,
  };
}

const placeOf = ({ file, line }: { readonly file: string; readonly line: number }): string =>
  `${file}:${line}`;

/** The proxy passes the calls on to the address that its client asked for. */
function originalDst(route: RouteEvent): Cause {
  const so = "so the proxy connects to the address that the client resolved and nothing hashes";
  const begin = `cluster ${route.cluster} is ORIGINAL_DST:`;
  const service = route.service.split(".")[0]!;
  const { virtualService, destinationRule } = route;
  if (!route.serviceHeadless && destinationRule) {
    return {
      reason: `${begin} DestinationRule ${destinationRule.name} says PASSTHROUGH, ${so}`,
      remedy: `${placeOf(destinationRule)} consistentHash: {httpHeaderName: ${route.tenantHeader.toLowerCase()}}`,
    };
  }
  const headless = `Service ${service} is headless (clusterIP: None)`;
  if (route.service !== route.host && virtualService) {
    return {
      reason: `${begin} VirtualService ${virtualService.name} sends the calls of ${route.host} to it, and ${headless}, ${so}`,
      remedy: `${placeOf(virtualService)} host: ${route.host}`,
    };
  }
  return {
    reason: `${begin} ${headless}, ${so}`,
    remedy: `${placeOf(route)} take clusterIP: None away from ${service}; keep a second, headless Service for serviceName`,
  };
}

/** A hashing balancer that is given something else than the tenant to hash; null where it is given the tenant. */
function hashedOtherwise(route: RouteEvent): Cause | null {
  const hashed = route.hashPolicies.join(", ");
  const place = route.destinationRule ? `${placeOf(route.destinationRule)} ` : "";
  if (route.destinations > 1) {
    return {
      reason: `calls to ${route.host} are shared among ${route.destinations} destinations by weight: one is drawn for each request`,
      remedy: `${route.virtualService ? `${placeOf(route.virtualService)} ` : ""}send a tenant's requests to one destination`,
    };
  }
  if (hashed === "") {
    return {
      reason: `${route.host} is balanced by ${route.lbPolicy}, but its route hashes nothing: ${route.because.join("; ")}`,
      remedy: route.because.some((reason) => reason.includes("TCP"))
        ? `${placeOf(route)} name the Service's port http, or http-…`
        : `${place}see that the rule is for this host`,
    };
  }
  const tenant = `header ${route.tenantHeader.toLowerCase()}`;
  if (hashed.toLowerCase() === tenant) return null;
  return {
    reason: `${route.host} is balanced by ${route.lbPolicy} on ${hashed}, and tenants are told by ${tenant}: what is not in a request is not hashed, what is the same in all hashes to one pod`,
    remedy: `${place}httpHeaderName: ${route.tenantHeader.toLowerCase()}`,
  };
}
