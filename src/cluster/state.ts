/** What stands, as the programs tell it: their answers → one value. Pure; asking them is `observe.ts`. */
import { at, listAt, numberAt, objectAt, textAt } from "../topology/json.ts";
import type { Json } from "../topology/types.ts";
import { CONTEXT } from "./commands.ts";

export type Release = {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  /** Helm's word: deployed, failed, pending-install, pending-upgrade, uninstalling … */
  readonly status: string;
};

export type WorkloadState = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly wanted: number;
  /** Pods of the current template that are ready. */
  readonly ready: number;
  /** The controller has seen the last change, and all pods are of it. */
  readonly settled: boolean;
  /** The image that its pods were made for: see IMAGE_ID. */
  readonly imageId: string | null;
};

export type PodState = {
  readonly namespace: string;
  readonly name: string;
  readonly app: string | null;
  readonly containers: readonly string[];
  readonly going: boolean;
  /** What holds it up, in Kubernetes' words; null where nothing does. */
  readonly trouble: string | null;
};

export type ScaledObjectState = {
  readonly namespace: string;
  readonly name: string;
  readonly ready: boolean;
  /** `Ready=False ScaledObjectCheckFailed: …`. */
  readonly words: string;
  readonly going: boolean;
  readonly finalizers: readonly string[];
};

export type State = {
  readonly clusterExists: boolean;
  /** Whether the node's container runs: it may have been stopped, with the machine or by hand. */
  readonly nodeRuns: boolean;
  /** Where Kind says that the cluster listens; null where set-up broke off before it did. */
  readonly kindServer: string | null;
  /** Where the context of our name leads; null without one. */
  readonly contextServer: string | null;
  /** Null where the API server answers. */
  readonly apiSilent: string | null;
  /** Docker's images of ours: name → id. */
  readonly images: Readonly<Record<string, string>>;
  readonly releases: readonly Release[];
  /** Name → phase, and what holds a going one up. */
  readonly namespaces: Readonly<Record<string, string>>;
  readonly workloads: readonly WorkloadState[];
  readonly pods: readonly PodState[];
  readonly scaledObjects: readonly ScaledObjectState[];
  readonly crds: readonly string[];
};

export const NOTHING: State = {
  clusterExists: false,
  nodeRuns: false,
  kindServer: null,
  contextServer: null,
  apiSilent: null,
  images: {},
  releases: [],
  namespaces: {},
  workloads: [],
  pods: [],
  scaledObjects: [],
  crds: [],
};

/**
 * In the pods' template: the id of the image that they run. Its tag stays the same, so only a change of this starts the pods of a
 * new build; set to what it is already, it starts nothing.
 */
export const IMAGE_ID = "limpet.dev/image-id";

/** One name a line, and nothing else: a name that only contains ours is another cluster. */
export const namesIn = (stdout: string): string[] =>
  stdout
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Of a kubeconfig as JSON or YAML that was parsed: where a context leads. */
export function serverOf(config: Json, context: string): string | null {
  const called = (list: string, name: string | null): Json | undefined =>
    listAt(config, list).find((item) => textAt(item, "name") === name);
  const cluster = textAt(called("contexts", context), "context", "cluster");
  return cluster === null ? null : textAt(called("clusters", cluster), "cluster", "server");
}

export const contextServerIn = (config: Json): string | null => serverOf(config, CONTEXT);

/** `helm list --output json`. The chart is `NAME-VERSION`. */
export const releasesIn = (list: Json): Release[] =>
  items(list).map((item) => ({
    name: textAt(item, "name") ?? "",
    namespace: textAt(item, "namespace") ?? "",
    version: (textAt(item, "chart") ?? "").replace(/^.*?-v?(?=\d+\.)/, ""),
    status: textAt(item, "status") ?? "",
  }));

const items = (list: Json): readonly Json[] =>
  Array.isArray(list) ? (list as readonly Json[]) : listAt(list, "items");

/** `kubectl get namespaces,deployments,statefulsets,pods,scaledobjects --output json`, whatever of them there is. */
export function objectsIn(list: Json): Pick<State, "namespaces" | "workloads" | "pods" | "scaledObjects"> {
  const of = (kind: string): Json[] => items(list).filter((item) => textAt(item, "kind") === kind);
  return {
    namespaces: Object.fromEntries(
      of("Namespace").map((item) => [textAt(item, "metadata", "name") ?? "", namespaceWords(item)]),
    ),
    workloads: [...of("Deployment"), ...of("StatefulSet")].map(workloadState),
    pods: of("Pod").map(podState),
    scaledObjects: of("ScaledObject").map(scaledObjectState),
  };
}

const named = (item: Json): { readonly namespace: string; readonly name: string } => ({
  namespace: textAt(item, "metadata", "namespace") ?? "",
  name: textAt(item, "metadata", "name") ?? "",
});

/** A namespace that does not go says in its conditions what is left in it. */
function namespaceWords(item: Json): string {
  const phase = textAt(item, "status", "phase") ?? "Unknown";
  const left = listAt(item, "status", "conditions")
    .filter((condition) => textAt(condition, "status") === "True")
    .map((condition) => textAt(condition, "message") ?? "");
  return [phase, ...left].join("; ");
}

function workloadState(item: Json): WorkloadState {
  const status = objectAt(item, "status");
  const wanted = numberAt(item, "spec", "replicas") ?? 1;
  const updated = numberAt(status, "updatedReplicas") ?? 0;
  const seen =
    (numberAt(status, "observedGeneration") ?? 0) >= (numberAt(item, "metadata", "generation") ?? 0);
  return {
    kind: textAt(item, "kind") ?? "",
    ...named(item),
    wanted,
    ready: numberAt(status, "readyReplicas") ?? 0,
    settled: seen && updated >= wanted && (numberAt(status, "replicas") ?? 0) <= wanted,
    imageId: textAt(item, "spec", "template", "metadata", "annotations", IMAGE_ID),
  };
}

function podState(item: Json): PodState {
  const statuses = [
    ...listAt(item, "status", "initContainerStatuses"),
    ...listAt(item, "status", "containerStatuses"),
  ];
  const waiting = statuses.flatMap((status) => {
    const reason = textAt(status, "state", "waiting", "reason");
    if (reason === null || reason === "ContainerCreating" || reason === "PodInitializing") return [];
    const message = textAt(status, "state", "waiting", "message");
    return [`${textAt(status, "name")} ${reason}${message === null ? "" : `: ${message}`}`];
  });
  const unscheduled = listAt(item, "status", "conditions")
    .filter((one) => textAt(one, "type") === "PodScheduled" && textAt(one, "status") === "False")
    .map((one) => `${textAt(one, "reason")}: ${textAt(one, "message")}`);
  return {
    ...named(item),
    app: textAt(item, "metadata", "labels", "app"),
    containers: [...listAt(item, "spec", "initContainers"), ...listAt(item, "spec", "containers")].map(
      (container) => textAt(container, "name") ?? "",
    ),
    going: at(item, "metadata", "deletionTimestamp") !== undefined,
    trouble: [...waiting, ...unscheduled][0] ?? null,
  };
}

function scaledObjectState(item: Json): ScaledObjectState {
  const ready = listAt(item, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  return {
    ...named(item),
    ready: textAt(ready, "status") === "True",
    words:
      ready === undefined
        ? "KEDA has not looked at it yet"
        : `Ready=${textAt(ready, "status")} ${textAt(ready, "reason")}: ${textAt(ready, "message")}`,
    going: at(item, "metadata", "deletionTimestamp") !== undefined,
    finalizers: listAt(item, "metadata", "finalizers").map(String),
  };
}
