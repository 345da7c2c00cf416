/**
 * The way down, in the one order that leaves nothing hanging: ScaledObjects while KEDA is there to take its finalizer off them, then the
 * namespace, then KEDA, then Istio. A cluster that goes whole needs none of it.
 */
import { CLUSTER, docker, helm, kind, kubectl } from "./commands.ts";
import { imagesOf, type Expected } from "./expected.ts";
import { ISTIO, KEDA, REACH } from "./plan-up.ts";
import type { State } from "./state.ts";
import { type Step, unavailable } from "./step.ts";

export const LEVELS = ["test", "addons", "cluster"] as const;
export type Level = (typeof LEVELS)[number];

export function planDown(expected: Expected, level: Level, images: boolean): Step[] {
  const steps =
    level === "cluster"
      ? [deleteCluster]
      : [...REACH, ...downTest(expected), ...(level === "addons" ? ADDONS : [])];
  return [...steps, ...(images ? [removeImages(expected)] : [])];
}

const COMMAND_SECONDS = 60;

const kedaWorks = (state: State): boolean => unavailable(state, KEDA.namespace, ["keda-operator"]) === null;

/** A namespace's ScaledObjects; null: all. */
const scaledObjectsOf = (state: State, namespace: string | null): State["scaledObjects"] =>
  state.scaledObjects.filter((one) => namespace === null || one.namespace === namespace);

function downTest({ namespace }: Expected): Step[] {
  return [...deleteScaledObjects(namespace), deleteNamespace(namespace)];
}

function deleteScaledObjects(namespace: string | null): Step[] {
  const where = namespace === null ? ["--all-namespaces"] : ["--namespace", namespace];
  const left = (state: State): State["scaledObjects"] => scaledObjectsOf(state, namespace);
  return [
    {
      title: namespace === null ? "all other ScaledObjects" : `ScaledObjects of ${namespace}`,
      needed: (state) => left(state).some(({ going }) => !going),
      commands: () => [kubectl("delete", "scaledobjects.keda.sh", "--all", ...where, "--wait=false")],
      commandSeconds: COMMAND_SECONDS,
      missing: () => null,
      settleSeconds: 0,
    },
    {
      title: "KEDA takes its finalizer off them",
      needed: (state) => left(state).length > 0 && kedaWorks(state),
      commands: () => [],
      commandSeconds: 0,
      // Should KEDA break down meanwhile, the next step helps.
      missing: (state) =>
        left(state).length === 0 || !kedaWorks(state)
          ? null
          : `${left(state)
              .map(({ name, finalizers }) => `ScaledObject ${name} has finalizer ${finalizers.join(", ")}`)
              .join("; ")}. By hand: kubectl --context kind-${CLUSTER} patch scaledobject NAME --namespace ` +
            `${left(state)[0]!.namespace} --type merge --patch '{"metadata":{"finalizers":null}}'`,
      settleSeconds: 90,
      after: (state) => ({
        ...state,
        scaledObjects: state.scaledObjects.filter((one) => !left(state).includes(one)),
      }),
    },
    {
      title: "KEDA is not there to do it: their finalizers are taken off by hand",
      needed: (state) => left(state).length > 0,
      commands: (state) =>
        left(state).map((one) =>
          kubectl(
            "patch",
            `scaledobject.keda.sh/${one.name}`,
            "--namespace",
            one.namespace,
            "--type",
            "merge",
            "--patch",
            '{"metadata":{"finalizers":null}}',
          ),
        ),
      commandSeconds: COMMAND_SECONDS,
      missing: (state) =>
        left(state).length === 0 ? null : `${left(state).length} ScaledObjects are still there`,
      settleSeconds: 30,
    },
  ];
}

const deleteNamespace = (namespace: string): Step => ({
  title: `namespace ${namespace}`,
  needed: (state) => namespace in state.namespaces,
  commands: () => [kubectl("delete", "namespace", namespace, "--wait=false")],
  commandSeconds: COMMAND_SECONDS,
  missing: ({ namespaces }) => (namespace in namespaces ? `it is ${namespaces[namespace]}` : null),
  settleSeconds: 180,
});

const uninstall = (release: string, namespace: string): Step => {
  const there = (state: State): boolean =>
    state.releases.some((one) => one.name === release && one.namespace === namespace);
  return {
    title: release,
    needed: there,
    commands: () => [helm("uninstall", release, "--namespace", namespace, "--wait", "--timeout", "120s")],
    commandSeconds: 180,
    missing: (state) => (there(state) ? `Helm still has release ${release}` : null),
    settleSeconds: 30,
  };
};

/** Helm leaves CRDs that a chart asks it to keep. */
const deleteCrds = (group: string): Step => {
  const left = ({ crds }: State): string[] => crds.filter((name) => name.endsWith(group));
  return {
    title: `custom resource definitions of ${group.slice(1)}`,
    needed: (state) => left(state).length > 0,
    commands: (state) => [kubectl("delete", "customresourcedefinitions", ...left(state), "--wait=false")],
    commandSeconds: COMMAND_SECONDS,
    missing: (state) => (left(state).length === 0 ? null : `still there: ${left(state).join(", ")}`),
    settleSeconds: 60,
  };
};

const ADDONS: readonly Step[] = [
  ...deleteScaledObjects(null),
  uninstall(KEDA.release, KEDA.namespace),
  deleteCrds(".keda.sh"),
  deleteNamespace(KEDA.namespace),
  ...ISTIO.toReversed().map(({ release, namespace }) => uninstall(release, namespace)),
  deleteCrds(".istio.io"),
  deleteNamespace("istio-system"),
];

const deleteCluster: Step = {
  title: `Kind cluster ${CLUSTER}, with everything on it`,
  needed: (state) => state.clusterExists,
  commands: () => [kind("delete", "cluster", "--name", CLUSTER)],
  commandSeconds: 180,
  missing: (state) => (state.clusterExists ? "kind still lists it" : null),
  settleSeconds: 30,
};

const removeImages = (expected: Expected): Step => ({
  title: "images in Docker",
  needed: ({ images }) => Object.keys(images).length > 0,
  commands: () => [docker("image", "rm", ...imagesOf(expected))],
  commandSeconds: COMMAND_SECONDS,
  missing: ({ images }) =>
    Object.keys(images).length === 0 ? null : `Docker still has ${Object.keys(images).join(", ")}`,
  settleSeconds: 10,
});
