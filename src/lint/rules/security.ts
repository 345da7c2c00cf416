/** Who may say who a tenant is, and what a pod may take. */
import { at, listAt, objectAt, textAt } from "../../topology/json.ts";
import type { JsonObject, Manifest, Service, Workload } from "../../topology/types.ts";
import { caller, destinationRule, scaledObject, service, workload, yaml } from "../examples.ts";
import { containersOf, type Facts } from "../facts.ts";
import { maybeCalled, place, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { selecting } from "../selecting.ts";

const CONTAINERS = ["spec", "template", "spec", "containers"] as const;
const RESOURCES = "resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}";

const hasLimitRange = (facts: Facts, namespace: string): boolean =>
  facts.of("", "LimitRange").some((manifest) => manifest.namespace === namespace);

const containers = (facts: Facts): readonly { workload: Workload; container: JsonObject; i: number }[] =>
  facts.workloads.flatMap((workload) =>
    containersOf(workload.manifest).map((container, i) => ({ workload, container, i })),
  );

const noLimits: Rule = {
  code: "LIMPET-S101",
  family: "security",
  severity: "warning",
  title: "Container without a memory limit",
  why: "One tenant that makes a pod grow takes the node with it: pods of other tiers are evicted, and their tenants move for no reason of their own.",
  wrong: yaml(workload()),
  right: yaml(workload({ container: RESOURCES })),
  source: "kubernetes documentation, Resource management for Pods and Containers",
  check: (facts) =>
    containers(facts)
      .filter(
        ({ workload, container }) =>
          at(container, "resources", "limits", "memory") === undefined &&
          !hasLimitRange(facts, workload.namespace),
      )
      .map(({ workload, container, i }) =>
        report(
          workload.manifest,
          [...CONTAINERS, i, "resources"],
          `container ${textAt(container, "name")} has no memory limit.`,
          "set resources.limits.memory",
        ),
      ),
};

const noRequests: Rule = {
  code: "LIMPET-S102",
  family: "security",
  severity: "info",
  title: "Container without resource requests",
  why: "The scheduler takes it for nothing: pods that KEDA adds are put onto a node that is full, and start slowly or are the first to be evicted.",
  wrong: yaml(workload()),
  right: yaml(workload({ container: RESOURCES })),
  source: "kubernetes documentation, Resource management for Pods and Containers",
  check: (facts) =>
    containers(facts)
      .filter(({ workload, container }) => {
        const resources = objectAt(container, "resources");
        const has = (resource: string) =>
          at(resources, "requests", resource) !== undefined ||
          at(resources, "limits", resource) !== undefined;
        return !(has("cpu") && has("memory")) && !hasLimitRange(facts, workload.namespace);
      })
      .map(({ workload, container, i }) =>
        report(
          workload.manifest,
          [...CONTAINERS, i, "resources"],
          `container ${textAt(container, "name")} does not request both cpu and memory.`,
          "set resources.requests.cpu and memory",
        ),
      ),
};

const HARDENED = `
securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}`;

const unconfined: Rule = {
  code: "LIMPET-S103",
  family: "security",
  severity: "info",
  title: "Pod without a security context",
  why: "Unless it says otherwise a container runs as the image's user, often root, may gain privileges and writes its file system. A program that serves every tenant is where that matters.",
  wrong: yaml(workload()),
  right: yaml(workload({ container: HARDENED })),
  source: "kubernetes documentation, Pod Security Standards (restricted)",
  check: (facts) =>
    containers(facts).flatMap(({ workload, container, i }) => {
      const pod = objectAt(workload.manifest.body, "spec", "template", "spec", "securityContext");
      const own = objectAt(container, "securityContext");
      const missing = [
        ...(own["runAsNonRoot"] === true ||
        pod["runAsNonRoot"] === true ||
        Number(own["runAsUser"] ?? pod["runAsUser"] ?? 0) > 0
          ? []
          : ["runAsNonRoot"]),
        ...(own["allowPrivilegeEscalation"] === false ? [] : ["allowPrivilegeEscalation: false"]),
        ...(listAt(own, "capabilities", "drop").includes("ALL") ? [] : ["capabilities.drop: [ALL]"]),
      ];
      if (missing.length === 0) return [];
      const isAll = missing.length === 3;
      return [
        report(
          workload.manifest,
          [...CONTAINERS, i, "securityContext"],
          `container ${textAt(container, "name")} ${isAll ? "has no security context that confines it" : "is only partly confined"}: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing.`,
          `add ${missing.join(", ")} to its securityContext`,
        ),
      ];
    }),
};

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

const tokenMounted: Rule = {
  code: "LIMPET-S106",
  family: "security",
  severity: "info",
  title: "Service account token in a pod that does not say it needs one",
  why: "The default service account's token is mounted into every container unless told not to: whoever gets into the program can ask the API server.",
  wrong: yaml(workload()),
  right: yaml(workload({ pod: "automountServiceAccountToken: false" })),
  source: "kubernetes documentation, Configure Service Accounts for Pods",
  check: (facts) =>
    facts.workloads.flatMap((workload) => {
      const pod = objectAt(workload.manifest.body, "spec", "template", "spec");
      const name = textAt(pod, "serviceAccountName") ?? "default";
      const account = facts
        .of("", "ServiceAccount")
        .find((one) => one.name === name && one.namespace === workload.namespace);
      if (
        pod["automountServiceAccountToken"] !== undefined ||
        account?.body["automountServiceAccountToken"] === false
      )
        return [];
      if (name !== "default") return [];
      return [
        report(
          workload.manifest,
          ["spec", "template", "spec"],
          `the pods of ${workload.name} have the token of the default service account.`,
          "set automountServiceAccountToken: false",
        ),
      ];
    }),
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

const noTls: Rule = {
  code: "LIMPET-S108",
  family: "security",
  severity: "warning",
  title: "Trigger that does not check the server's certificate",
  why: "Whoever can stand between KEDA and Prometheus decides how many pods there are.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: max(active_tenants)\nignoreNullValues: "false"\nunsafeSsl: "true"',
    }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go",
  check: (facts) =>
    facts.scaledObjects.flatMap(({ manifest, triggers }) =>
      triggers.flatMap(({ metadata }, i) =>
        metadata.unsafeSsl === "true"
          ? [
              report(
                manifest,
                ["spec", "triggers", i, "metadata", "unsafeSsl"],
                `unsafeSsl is true for ${metadata.serverAddress ?? "the server"}: its certificate is not checked.`,
                "give the CA in a TriggerAuthentication instead",
              ),
            ]
          : [],
      ),
    ),
};

const secretInManifest: Rule = {
  code: "LIMPET-S109",
  family: "security",
  severity: "warning",
  title: "Credential in a trigger's metadata",
  why: "customHeaders and queryParameters are plain text in the ScaledObject: whoever may read it, or the repository, has the credential.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata:
        'threshold: "2"\nquery: max(active_tenants)\nignoreNullValues: "false"\ncustomHeaders: Authorization=Bearer abc',
    }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda-docs, Prometheus scaler: authentication parameters",
  check: (facts) =>
    facts.scaledObjects.flatMap(({ manifest, triggers }) =>
      triggers.flatMap(({ metadata }, i) =>
        (["customHeaders", "queryParameters"] as const)
          .filter((field) => /(authorization|token|api[-_]?key|password)\s*=/i.test(metadata[field] ?? ""))
          .map((field) => {
            const name = /([\w-]*(?:authorization|token|api[-_]?key|password)[\w-]*)\s*=/i.exec(
              metadata[field] ?? "",
            )?.[1];
            return report(
              manifest,
              ["spec", "triggers", i, "metadata", field],
              `${field} carries ${name} in plain text.`,
              "put it into a Secret, and name it by a TriggerAuthentication",
            );
          }),
      ),
    ),
};

export const SECURITY_RULES: readonly Rule[] = [
  noLimits,
  noRequests,
  unconfined,
  openToAll,
  trustedHeader,
  tokenMounted,
  publicMetrics,
  noTls,
  secretInManifest,
];
