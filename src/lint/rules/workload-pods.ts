/** Pods that start, answer and stop: probes, order, grace, images. */
import { at, isObject, listAt, numberAt, textAt } from "../../topology/json.ts";
import type { Workload } from "../../topology/types.ts";
import { scaledObject, service, workload, yaml } from "../examples.ts";
import { containersOf, type Facts } from "../facts.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { mainContainer, mainContainerPath, readinessSeconds } from "../wake-budget.ts";

/** Workloads that a Service selects, and their Services. */
const serving = (facts: Facts): readonly Workload[] =>
  facts.workloads.filter((one) => facts.servicesOf(one).length > 0);

const READY = "readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}";
const STATEFUL = { kind: "StatefulSet" } as const;
const TARGET = { target: "{kind: StatefulSet, name: api}" };

const noReadiness: Rule = {
  code: "LIMPET-W101",
  family: "workload",
  severity: "warning",
  title: "No readinessProbe behind a Service",
  why: "Without one a pod counts as ready as soon as its container runs, before the program listens. The first requests after each start are refused, and `condition=ready` proves nothing.",
  wrong: yaml(service(), workload()),
  right: yaml(service(), workload({ container: READY })),
  source: "kubernetes/kubernetes pkg/kubelet/prober/prober_manager.go",
  check: (facts) =>
    serving(facts)
      .filter((one) => mainContainer(one)["readinessProbe"] === undefined)
      .map((one) =>
        report(
          one.manifest,
          mainContainerPath(one),
          `container ${one.container.name} has no readinessProbe, and Service ${facts.servicesOf(one)[0]!.name} sends to it: it gets requests before it listens.`,
          "add a readinessProbe that succeeds once the program answers",
        ),
      ),
};

const ordered: Rule = {
  code: "LIMPET-W102",
  family: "workload",
  severity: "warning",
  title: "Scaled StatefulSet that starts its pods one after another",
  why: "podManagementPolicy is OrderedReady unless set: pod k + 1 is created when pod k is ready, and pods are deleted one at a time from the top. The HPA's speed no longer matters, one pod that never gets ready stops the rest, and each start is a step at which tenants move.",
  wrong: yaml(workload(STATEFUL), scaledObject({ ...TARGET, spec: "maxReplicaCount: 5" })),
  right: yaml(
    workload({ ...STATEFUL, spec: "podManagementPolicy: Parallel" }),
    scaledObject({ ...TARGET, spec: "maxReplicaCount: 5" }),
  ),
  source:
    "kubernetes/kubernetes pkg/controller/statefulset/stateful_set_control.go; kubernetes/kubernetes 124408",
  check: (facts) =>
    facts.scaledObjects.flatMap((one) => {
      const target = facts.meantBy(one);
      if (
        target?.kind !== "StatefulSet" ||
        target.podManagementPolicy === "Parallel" ||
        one.maxReplicaCount < 2
      )
        return [];
      const each = 3 + readinessSeconds(target);
      return [
        report(
          target.manifest,
          ["spec", "podManagementPolicy"],
          `podManagementPolicy is OrderedReady${at(target.manifest.body, "spec", "podManagementPolicy") === undefined ? " by default" : ""}: ${one.maxReplicaCount} pods start one after another, about ${one.maxReplicaCount} × ${each} s.`,
          "set podManagementPolicy: Parallel (the StatefulSet has to be created anew for that)",
        ),
      ];
    }),
};

const graceUsedUp: Rule = {
  code: "LIMPET-W106",
  family: "workload",
  severity: "error",
  title: "preStop that uses up the grace period",
  why: "The grace period counts from the deletion and includes preStop. Nothing is left for the program: it is killed two seconds after SIGTERM, with all requests in flight.",
  wrong: yaml(
    workload({
      pod: "terminationGracePeriodSeconds: 10",
      container: "lifecycle: {preStop: {sleep: {seconds: 15}}}",
    }),
  ),
  right: yaml(
    workload({
      pod: "terminationGracePeriodSeconds: 30",
      container: "lifecycle: {preStop: {sleep: {seconds: 5}}}",
    }),
  ),
  source: "kubernetes documentation, Pod lifecycle: termination of pods",
  check: (facts) =>
    facts.workloads
      .filter(
        ({ container, terminationGracePeriodSeconds: grace }) =>
          container.preStopSleepSeconds > 0 && container.preStopSleepSeconds >= grace,
      )
      .map((one) =>
        report(
          one.manifest,
          [...mainContainerPath(one), "lifecycle", "preStop"],
          `preStop sleeps ${one.container.preStopSleepSeconds} s and the grace period is ${one.terminationGracePeriodSeconds} s: the program has no time to finish.`,
          "make terminationGracePeriodSeconds longer than preStop and the longest request together",
        ),
      ),
};

const noGrace: Rule = {
  code: "LIMPET-W107",
  family: "workload",
  severity: "warning",
  title: "Grace period of zero",
  why: "The pod is killed without SIGTERM, and its object is gone before the process is: requests in flight are lost, and a StatefulSet can have two pods of one name for a moment.",
  wrong: yaml(service(), workload({ pod: "terminationGracePeriodSeconds: 0" })),
  right: yaml(service(), workload({ pod: "terminationGracePeriodSeconds: 30" })),
  source: "kubernetes documentation, Pod lifecycle; StatefulSet: force deletion",
  check: (facts) =>
    facts.workloads
      .filter(({ terminationGracePeriodSeconds }) => terminationGracePeriodSeconds === 0)
      .map(({ manifest, name }) =>
        report(
          manifest,
          ["spec", "template", "spec", "terminationGracePeriodSeconds"],
          `terminationGracePeriodSeconds is 0: a pod of ${name} that is scaled away drops its requests at once.`,
          "leave it out (30 s), or set the longest request and drain",
        ),
      ),
};

const noPreStop: Rule = {
  code: "LIMPET-W105",
  family: "workload",
  severity: "info",
  title: "Scaled pods that stop before they are off the list",
  why: "Deletion starts two things at once: endpoints are withdrawn, and SIGTERM is sent. Until every proxy has heard of it, requests still come to a program that may have closed its port.",
  wrong: yaml(service(), workload(), scaledObject()),
  right: yaml(
    service(),
    workload({ container: "lifecycle: {preStop: {sleep: {seconds: 3}}}" }),
    scaledObject(),
  ),
  source: "kubernetes documentation, Pod lifecycle; istio/istio endpoint propagation",
  check: (facts) =>
    serving(facts)
      .filter((one) => facts.scaledObjectsOf(one).length + facts.hpasOf(one).length > 0)
      .filter((one) => at(mainContainer(one), "lifecycle", "preStop") === undefined)
      .map((one) =>
        report(
          one.manifest,
          mainContainerPath(one),
          `container ${one.container.name} has no preStop: when ${one.name} is scaled in, requests still arrive after SIGTERM.`,
          "add lifecycle.preStop.sleep.seconds: 3, or keep answering for some seconds after SIGTERM",
        ),
      ),
};

const pulledEachTime: Rule = {
  code: "LIMPET-W108",
  family: "workload",
  severity: "warning",
  title: "Image that is asked for at every cold start",
  why: "Without a tag, or with latest, imagePullPolicy is Always: each start asks the registry first. From zero that is part of somebody's first answer, and the two pods of one tier can be of two versions.",
  wrong: yaml(workload({ image: "example/api" }), scaledObject()),
  right: yaml(workload({ image: "example/api:1.4" }), scaledObject()),
  source: "kubernetes/kubernetes pkg/apis/core/v1/defaults.go (SetDefaults_Container)",
  check: (facts) =>
    facts.scaledObjects.flatMap((one) => {
      const target = facts.meantBy(one);
      if (target === null || one.minReplicaCount > 0) return [];
      return containersOf(target.manifest).flatMap((container, i) => {
        const image = textAt(container, "image") ?? "";
        const policy = textAt(container, "imagePullPolicy");
        const [, tag] = /:([\w.-]+)$/.exec(image.replace(/@.*/, "")) ?? [];
        const isMoving = !image.includes("@") && (tag === undefined || tag === "latest");
        if (
          image === "" ||
          policy === "IfNotPresent" ||
          policy === "Never" ||
          !(isMoving || policy === "Always")
        )
          return [];
        return [
          report(
            target.manifest,
            ["spec", "template", "spec", "containers", i, policy === "Always" ? "imagePullPolicy" : "image"],
            policy === "Always"
              ? `imagePullPolicy is Always for ${image}: each start of ${target.name} from zero asks the registry first.`
              : `image ${image} has ${tag === undefined ? "no tag" : "the tag latest"}, so each start of ${target.name} from zero asks the registry first.`,
            "name a tag or digest that does not move, with imagePullPolicy: IfNotPresent",
          ),
        ];
      });
    }),
};

const killedWhileStarting: Rule = {
  code: "LIMPET-W114",
  family: "workload",
  severity: "info",
  title: "Liveness that can kill a pod while it starts",
  why: "Without a startupProbe the livenessProbe begins with the container. A start that takes longer than it allows, on a busy node or after an image pull, is killed and begins again, each time with more back-off.",
  wrong: yaml(
    workload({
      container: `${READY}\nlivenessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 5}`,
    }),
  ),
  right: yaml(
    workload({
      container: `${READY}\nlivenessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 5}\nstartupProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1, failureThreshold: 60}`,
    }),
  ),
  source: "kubernetes documentation, Configure liveness, readiness and startup probes",
  check: (facts) =>
    facts.workloads.flatMap((one) => {
      const container = mainContainer(one);
      if (!isObject(container["livenessProbe"]) || container["startupProbe"] !== undefined) return [];
      const probe = (field: string, fallback: number) =>
        numberAt(container, "livenessProbe", field) ?? fallback;
      const seconds =
        probe("initialDelaySeconds", 0) + probe("periodSeconds", 10) * probe("failureThreshold", 3);
      if (seconds >= 30) return [];
      return [
        report(
          one.manifest,
          [...mainContainerPath(one), "livenessProbe"],
          `the livenessProbe kills ${one.container.name} ${seconds} s after its start, and there is no startupProbe.`,
          "add a startupProbe with a high failureThreshold",
        ),
      ];
    }),
};

const PROBES = ["readinessProbe", "livenessProbe", "startupProbe"] as const;

const probePort: Rule = {
  code: "LIMPET-W112",
  family: "workload",
  severity: "error",
  title: "Probe of a port name that the container does not have",
  why: "The kubelet cannot resolve the name, and the probe fails for ever: the pod never gets ready, or is restarted without end.",
  wrong: yaml(
    workload({
      container:
        "ports: [{name: http, containerPort: 8080}]\nreadinessProbe: {httpGet: {path: /ready, port: web}}",
    }),
  ),
  right: yaml(
    workload({
      container:
        "ports: [{name: http, containerPort: 8080}]\nreadinessProbe: {httpGet: {path: /ready, port: http}}",
    }),
  ),
  source: "kubernetes/kubernetes pkg/kubelet/prober/prober.go (resolveContainerPort)",
  check: (facts) =>
    facts.workloads.flatMap((one) =>
      containersOf(one.manifest).flatMap((container, i) => {
        const names = listAt(container, "ports").flatMap((port) => textAt(port, "name") ?? []);
        return PROBES.flatMap((field) =>
          ["httpGet", "tcpSocket"].flatMap((kind) => {
            const port = textAt(container, field, kind, "port");
            if (port === null || /^\d+$/.test(port) || names.includes(port)) return [];
            return [
              report(
                one.manifest,
                ["spec", "template", "spec", "containers", i, field, kind, "port"],
                `${field} asks port ${port}, and container ${textAt(container, "name")} has ${names.length === 0 ? "no named ports" : `the ports ${names.join(", ")}`}: it always fails.`,
                "name one of the container's ports, or give the number",
              ),
            ];
          }),
        );
      }),
    ),
};

export const POD_RULES: readonly Rule[] = [
  noReadiness,
  ordered,
  noPreStop,
  graceUsedUp,
  noGrace,
  pulledEachTime,
  probePort,
  killedWhileStarting,
];
