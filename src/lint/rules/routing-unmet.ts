/** Hashing asked for in a corner of a DestinationRule that no request comes to. */
import { numberAt, textAt } from "../../topology/json.ts";
import { destinationRule, HASH, HOST, service, virtualService, yaml } from "../examples.ts";
import type { Facts } from "../facts.ts";
import type { HashRule } from "../hash-rules.ts";
import { report } from "../report.ts";
import type { RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";

const SUBSET = `subsets:\n- {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {consistentHash: ${HASH}}}}`;
const onlyInSubset = destinationRule({ spec: SUBSET }).replace(
  `    loadBalancer:\n      consistentHash: ${HASH}`,
  "    connectionPool: {tcp: {maxConnections: 500}}",
);

const views = (facts: Facts, { manifest, host, isExact }: HashRule): readonly RouteView[] =>
  isExact
    ? facts.callsTo(host).filter(({ called }) => called !== "no")
    : facts.routes.filter(
        ({ called, destinations }) => called === "yes" && destinations.some(({ rule }) => rule === manifest),
      );

const unmet: Rule = {
  code: "LIMPET-R138",
  family: "routing",
  severity: "warning",
  title: "Hash in a subset or for a port that no request meets",
  why: "A subset's policy counts only for routes that name the subset, a port's only for that port of the Service. Elsewhere the rule's top holds, and without a loadBalancer there that is LEAST_REQUEST.",
  wrong: yaml(service(), onlyInSubset, virtualService()),
  right: yaml(
    service(),
    onlyInSubset,
    virtualService({
      http: `route: [{destination: {host: ${HOST}, subset: v2, port: {number: 80}}}]\ntimeout: 10s\nretries: {attempts: 0}`,
    }),
  ),
  source: "istio/istio pilot/pkg/networking/core/cluster_builder.go (subset clusters)",
  check: (facts) =>
    facts.hashRules.flatMap((rule) => {
      const { manifest, hashes } = rule;
      const found = views(facts, rule);
      if (found.length === 0 || found.some((view) => view.hashes)) return [];
      const clusters = found.flatMap(({ destinations }) =>
        destinations.map(({ resolved }) => resolved.cluster),
      );
      // Without a VirtualService in the input the one that names the subset may be elsewhere.
      const isRouted = found.every(({ via }) => via !== null);
      return hashes.flatMap(({ path }) => {
        const subset = path[1] === "subsets" ? textAt(manifest.body, ...path.slice(0, 3), "name") : null;
        const level = path.indexOf("portLevelSettings");
        const port =
          level < 0 ? null : numberAt(manifest.body, ...path.slice(0, level + 2), "port", "number");
        if (subset !== null && !clusters.some(({ name }) => name.split("|")[2] === subset))
          return [
            report(
              manifest,
              path,
              `this consistentHash is that of subset ${subset}, which no route to ${rule.host} names: it counts for no request.`,
              "move it to spec.trafficPolicy, or route to the subset",
              isRouted ? "error" : "warning",
            ),
          ];
        if (port !== null && !clusters.some((cluster) => cluster.port === port))
          return [
            report(
              manifest,
              path,
              `this consistentHash is for port ${port}, and requests go to port ${[...new Set(clusters.map((one) => one.port))].join(", ")} of ${rule.host}.`,
              "move it to spec.trafficPolicy, or name the port that is called",
            ),
          ];
        return [];
      });
    }),
};

export const UNMET_RULES: readonly Rule[] = [unmet];
