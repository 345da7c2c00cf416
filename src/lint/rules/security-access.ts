/** Who may reach pods that believe a header, and what is open to the outside. */
import { textAt } from "../../topology/json.ts";
import type { Manifest, Service } from "../../topology/types.ts";
import { caller, destinationRule, service, workload, yaml } from "../examples.ts";
import { type Facts } from "../facts.ts";
import { maybeCalled, place, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { selecting } from "../selecting.ts";

/** Services over which tenants are hashed, or are meant to be. */
const tenantServices = (facts: Facts): readonly Service[] => [
  ...new Set(
    facts.routes
      .filter(maybeCalled)
      .flatMap(({ destinations }) => destinations)
      .flatMap(({ hashRule, service: to }) => (hashRule === null || to === null ? [] : [to])),
  ),
];

const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: edge}}}]}]}`;

const openToAll: Rule = {
  code: "LIMPET-S104",
  family: "security",
  severity: "info",
  title: "Pods that believe the tenant header are open to every pod",
  why: "They take the tenant from a header. Without a NetworkPolicy or an AuthorizationPolicy any pod of the cluster can be any tenant.",
  wrong: yaml(service(), destinationRule(), workload()),
  right: yaml(service(), destinationRule(), workload(), policy),
  source: "kubernetes documentation, Network Policies; istio.io AuthorizationPolicy",
  check: (facts) => {
    const byNetwork = selecting(facts.of("networking.k8s.io", "NetworkPolicy"), "spec", "podSelector");
    const byMesh = selecting(facts.of("security.istio.io", "AuthorizationPolicy"), "spec", "selector");
    return [...new Set(tenantServices(facts).flatMap((one) => facts.workloadsOf(one)))]
      .filter((one) => !byNetwork(one) && !byMesh(one))
      .map(({ manifest, kind, name }) =>
        report(
          manifest,
          ["metadata", "name"],
          `no NetworkPolicy or AuthorizationPolicy in the input selects the pods of ${kind} ${name}: any pod can send them any tenant's header.`,
          "let only the gateway reach them",
        ),
      );
  },
};

/** How a Service is open to the outside, and where that is said. */
function exposure(
  facts: Facts,
  one: Service,
): { readonly manifest: Manifest; readonly path: readonly (string | number)[]; readonly how: string } | null {
  const type = textAt(one.manifest.body, "spec", "type");
  if (type === "LoadBalancer" || type === "NodePort")
    return { manifest: one.manifest, path: ["spec", "type"], how: `Service ${one.name} is of type ${type}` };
  for (const ingress of facts.of("networking.k8s.io", "Ingress")) {
    if (ingress.namespace !== one.namespace) continue;
    const names = JSON.stringify(ingress.body["spec"] ?? {});
    if (names.includes(`"service":{"name":"${one.name}"`))
      return {
        manifest: ingress,
        path: ["spec"],
        how: `Ingress ${ingress.name} sends to Service ${one.name}`,
      };
  }
  return null;
}

const trustedHeader: Rule = {
  code: "LIMPET-S105",
  family: "security",
  severity: "warning",
  title: "The tenant header comes from outside as it is",
  why: "Whoever can reach the entry writes the header: it can be any tenant's, or a new one for each request, which wakes pods at will. Nothing in the manifests authenticates it.",
  wrong: yaml(
    service(),
    destinationRule(),
    workload(),
    service({ name: "edge", app: "edge", spec: "type: LoadBalancer" }),
    caller(),
  ),
  right: yaml(service(), destinationRule(), workload(), service({ name: "edge", app: "edge" }), caller()),
  source: "istio.io RequestAuthentication, AuthorizationPolicy",
  check: (facts) => {
    if (
      facts.of("security.istio.io", "RequestAuthentication").length +
        facts.of("security.istio.io", "AuthorizationPolicy").length >
      0
    )
      return [];
    return facts.routes.flatMap((view) => {
      const [header] = view.route.hashPolicies.flatMap((one) =>
        one.kind === "header" ? [one.headerName] : [],
      );
      if (header === undefined || header === "") return [];
      const entries = view.caller === null ? [view.service] : facts.servicesOf(view.caller);
      return entries.flatMap((entry) => {
        const open = exposure(facts, entry);
        if (open === null) return [];
        return [
          report(
            open.manifest,
            open.path,
            `${open.how}, and requests are told apart by ${header} as the client sent it: anybody outside can be any tenant.`,
            "set the header from an authenticated identity at the entry, and drop what the client sent",
          ),
        ];
      });
    });
  },
};

const publicMetrics: Rule = {
  code: "LIMPET-S107",
  family: "security",
  severity: "info",
  title: "Metrics on a port that is open to the outside",
  why: "What is scraped there, tenants' names among it, everybody outside can read, and /metrics is not free to answer.",
  wrong: yaml(
    service({ spec: "type: LoadBalancer" }),
    workload({ annotations: '{prometheus.io/scrape: "true", prometheus.io/port: "8080"}' }),
  ),
  right: yaml(
    service({ spec: "type: LoadBalancer" }),
    workload({ annotations: '{prometheus.io/scrape: "true", prometheus.io/port: "9100"}' }),
  ),
  source: "prometheus/docs, Security model",
  check: (facts) =>
    facts.workloads.flatMap((workload) => {
      const { podAnnotations } = workload;
      const port = podAnnotations["prometheus.io/port"];
      if (podAnnotations["prometheus.io/scrape"] !== "true" || port === undefined) return [];
      return facts.servicesOf(workload).flatMap((one) => {
        const open = exposure(facts, one);
        const numbers = one.ports.map(({ targetPort }) =>
          typeof targetPort === "number"
            ? targetPort
            : workload.container.ports.find(({ name }) => name === targetPort)?.containerPort,
        );
        if (open === null || !numbers.includes(Number(port))) return [];
        return [
          report(
            workload.manifest,
            ["spec", "template", "metadata", "annotations", "prometheus.io/port"],
            `metrics are served on port ${port}, and ${open.how} (${place(open.manifest.at(...open.path))}): the outside can read them.`,
            "serve them on a port of their own",
          ),
        ];
      });
    }),
};

export const ACCESS_RULES: readonly Rule[] = [openToAll, trustedHeader, publicMetrics];
