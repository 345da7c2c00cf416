/** Who may say who a tenant is, and what a pod may take. */
import { at, listAt, objectAt, textAt } from "../../topology/json.ts";
import type { JsonObject, Workload } from "../../topology/types.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { containersOf, type Facts } from "../facts.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";

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
  tokenMounted,
  noTls,
  secretInManifest,
];
