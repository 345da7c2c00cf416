/** References that lead out of the input. They are no mistake: what they name may well be there. */
import { qualifyHost } from "../routing/istio-hosts.ts";
import { textAt } from "../topology/json.ts";
import type { Source } from "../topology/types.ts";
import { DEFAULT_SCRAPE } from "../topology/scrape.ts";
import { objectName, type Facts } from "./facts.ts";
import { destinationHosts } from "./route-views.ts";
import { wordsAt } from "./words.ts";

export type NotChecked = Source & {
  readonly object: string;
  /** What could not be looked at, and what would have been. */
  readonly what: string;
};

export function notChecked(facts: Facts): NotChecked[] {
  return [...targets(facts), ...hosts(facts), ...scraping(facts), ...injection(facts)];
}

const targets = (facts: Facts): NotChecked[] =>
  facts.scaledObjects
    .filter((one) => facts.meantBy(one) === null)
    .map(({ manifest, scaleTargetRef: { kind, name } }) => ({
      object: objectName(manifest),
      ...manifest.at("spec", "scaleTargetRef"),
      what: `${kind} ${name} is not in the input: whether it exists and is of that kind was not checked`,
    }));

function hosts(facts: Facts): NotChecked[] {
  const declared = new Set(
    facts.of("networking.istio.io", "ServiceEntry").flatMap(({ body }) => wordsAt(body, "spec", "hosts")),
  );
  const isOutside = (host: string): boolean =>
    host !== "" && !host.startsWith("*") && !declared.has(host) && facts.serviceNamed(host) === null;
  const rules = facts.of("networking.istio.io", "DestinationRule").flatMap((manifest) => {
    const host = qualifyHost(textAt(manifest.body, "spec", "host") ?? "", manifest.namespace);
    return isOutside(host) ? [{ manifest, host, at: manifest.at("spec", "host") }] : [];
  });
  const routes = facts
    .of("networking.istio.io", "VirtualService")
    .flatMap((manifest) =>
      [...new Set(destinationHosts(manifest))]
        .filter(isOutside)
        .map((host) => ({ manifest, host, at: manifest.at("spec", "http") })),
    );
  return [...rules, ...routes].map(({ manifest, host, at }) => ({
    object: objectName(manifest),
    ...at,
    what: `Service ${host} is not in the input: whether requests to it hash was not checked`,
  }));
}

function scraping(facts: Facts): NotChecked[] {
  const [first] = facts.scaledObjects;
  if (first === undefined || facts.prometheus !== null || facts.scrape.source !== DEFAULT_SCRAPE.source)
    return [];
  return [
    {
      object: objectName(first.manifest),
      ...first.manifest.at("spec", "triggers"),
      what: "no Prometheus configuration is in the input: scrape interval, labels and targets were not checked",
    },
  ];
}

/** Namespaces whose labels say whether pods have a sidecar, where hashing depends on it. */
function injection(facts: Facts): NotChecked[] {
  const seen = new Set<string>();
  return facts.routes.flatMap((view) => {
    const { caller } = view;
    if (caller === null || !view.hashes || seen.has(caller.namespace)) return [];
    if (facts.mesh.injection(caller) !== "unknown") return [];
    seen.add(caller.namespace);
    return [
      {
        object: objectName(caller.manifest),
        ...caller.manifest.at("metadata", "name"),
        what: `Namespace ${caller.namespace} is not in the input: whether the callers of ${view.service.name} have a sidecar was not checked`,
      },
    ];
  });
}
