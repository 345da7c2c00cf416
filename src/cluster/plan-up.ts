/** The way up, from any state that an earlier try may have left: the steps in their order, each with when it is needed. */
import { join } from "node:path";
import type { Command } from "../exec/run-command.ts";
import { CLUSTER, docker, helm, kind, kubectl, NODE } from "./commands.ts";
import { imagesOf, type Expected } from "./expected.ts";
import { CHARTS, PINS } from "./pins.ts";
import { IMAGE_ID, type State } from "./state.ts";
import { type Step, troubleIn, unavailable } from "./step.ts";

type AddOn = {
  readonly release: string;
  readonly chart: string;
  readonly repo: string;
  readonly version: string;
  readonly namespace: string;
  /** A file of `k8s/cluster/`. */
  readonly values: string | null;
  readonly deployments: readonly string[];
};

export const ISTIO: readonly AddOn[] = [
  {
    release: "istio-base",
    chart: "base",
    repo: CHARTS.istio,
    version: PINS.istio,
    namespace: "istio-system",
    values: null,
    deployments: [],
  },
  {
    release: "istiod",
    chart: "istiod",
    repo: CHARTS.istio,
    version: PINS.istio,
    namespace: "istio-system",
    values: "istiod-values.yaml",
    deployments: ["istiod"],
  },
];

export const KEDA: AddOn = {
  release: "keda",
  chart: "keda",
  repo: CHARTS.keda,
  version: PINS.keda,
  namespace: "keda",
  values: "keda-values.yaml",
  deployments: ["keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks"],
};

const HELM_SECONDS = 300;

export function planUp(expected: Expected): Step[] {
  const addOns = [...(expected.mesh ? ISTIO : []), KEDA];
  return [
    createCluster(expected),
    ...REACH,
    buildImages(expected),
    loadImages(expected),
    ...addOns.map((addOn) => install(addOn, expected)),
    waitForOldNamespace(expected),
    apply(expected),
    giveSidecar(expected),
    runBuiltImages(expected),
  ];
}

const apiAnswers = (state: State): string | null =>
  state.clusterExists
    ? state.apiSilent && `its API server does not answer: ${state.apiSilent}`
    : "it is not there";

/** A cluster whose set-up broke off has no kubeconfig: there is nothing in it to lose, and no way to finish it. */
const isHalfMade = (state: State): boolean =>
  state.clusterExists && state.nodeRuns && state.kindServer === null;

const createCluster = ({ root }: Expected): Step => ({
  title: `Kind cluster ${CLUSTER}, Kubernetes ${PINS.kubernetes}`,
  needed: (state) => !state.clusterExists || isHalfMade(state),
  commands: (state) => [
    ...(state.clusterExists ? [kind("delete", "cluster", "--name", CLUSTER)] : []),
    kind(
      "create",
      "cluster",
      "--name",
      CLUSTER,
      "--image",
      PINS.nodeImage,
      "--config",
      join(root, "k8s", "cluster", "kind.yaml"),
      "--wait",
      "180s",
    ),
  ],
  commandSeconds: 900,
  missing: apiAnswers,
  settleSeconds: 60,
});

const startNode: Step = {
  title: `node ${NODE} runs`,
  needed: (state) => state.clusterExists && !state.nodeRuns,
  commands: () => [docker("start", NODE)],
  commandSeconds: 60,
  missing: (state) => (state.nodeRuns ? apiAnswers(state) : "its container does not run"),
  settleSeconds: 180,
};

const exportKubeconfig: Step = {
  title: `context kind-${CLUSTER}`,
  needed: (state) => state.clusterExists && state.contextServer === null,
  commands: () => [kind("export", "kubeconfig", "--name", CLUSTER)],
  commandSeconds: 60,
  missing: (state) =>
    state.contextServer === null ? "the kubeconfig has no such context" : apiAnswers(state),
  settleSeconds: 60,
};

const answers: Step = {
  title: "the API server answers",
  needed: (state) => state.clusterExists && state.apiSilent !== null,
  commands: () => [],
  commandSeconds: 0,
  missing: apiAnswers,
  settleSeconds: 60,
};

/** To a cluster that is there, however it was left. */
export const REACH: readonly Step[] = [startNode, exportKubeconfig, answers];

/** `localhost:5001/test-gateway:dev` → `test-gateway`, which is its folder's name too. */
const folderOf = (image: string): string => image.replace(/^.*\//, "").replace(/:[^:]*$/, "");

const buildImages = (expected: Expected): Step => ({
  title: "images",
  // Docker knows best what has changed; what has not costs it a second.
  needed: () => true,
  commands: () =>
    imagesOf(expected).map((image): Command => {
      const dockerfile = join(expected.root, "k8s", "test-topology", "images", folderOf(image), "Dockerfile");
      return {
        ...docker("build", "--file", dockerfile, "--tag", image, expected.root),
        // An image with attestations is an index, of which `kind load` would want every part.
        env: { BUILDX_NO_DEFAULT_ATTESTATIONS: "1" },
      };
    }),
  commandSeconds: 900,
  missing: ({ images }) => {
    const absent = imagesOf(expected).filter((image) => images[image] === undefined);
    return absent.length === 0 ? null : `Docker has no image ${absent.join(", ")}`;
  },
  settleSeconds: 10,
});

const loadImages = (expected: Expected): Step => ({
  title: "images on the node",
  // Kind looks whether the node has them, and then does nothing.
  needed: () => true,
  commands: () => [kind("load", "docker-image", ...imagesOf(expected), "--name", CLUSTER)],
  commandSeconds: 300,
  missing: () => null,
  settleSeconds: 0,
});

const releaseOf = (state: State, { release, namespace }: AddOn) =>
  state.releases.find((one) => one.name === release && one.namespace === namespace);

const install = (addOn: AddOn, { root }: Expected): Step => {
  const { release, chart, repo, version, namespace, values, deployments } = addOn;
  const missing = (state: State): string | null => {
    const found = releaseOf(state, addOn);
    if (found === undefined) return `Helm has no release ${release}`;
    if (found.status !== "deployed" || found.version !== version)
      return `Helm has release ${release} ${found.version} as ${found.status}`;
    return unavailable(state, namespace, deployments);
  };
  return {
    title: `${release} ${version}`,
    needed: (state) => missing(state) !== null,
    commands: (state) => [
      // Broken off in the middle: Helm refuses to touch it ("another operation is in progress"). Its objects may be there or not.
      ...(/^(pending|uninstalling)/.test(releaseOf(state, addOn)?.status ?? "")
        ? [helm("uninstall", release, "--namespace", namespace, "--wait", "--timeout", "120s")]
        : []),
      helm(
        "upgrade",
        "--install",
        release,
        chart,
        "--repo",
        repo,
        "--version",
        version,
        "--namespace",
        namespace,
        "--create-namespace",
        ...(values === null ? [] : ["--values", join(root, "k8s", "cluster", values)]),
        "--wait",
        "--timeout",
        `${HELM_SECONDS}s`,
      ),
    ],
    commandSeconds: HELM_SECONDS + 60,
    missing,
    settleSeconds: 120,
  };
};

const waitForOldNamespace = ({ namespace }: Expected): Step => ({
  title: `the old namespace ${namespace} goes`,
  needed: (state) => isGoing(state, namespace),
  commands: () => [],
  commandSeconds: 0,
  missing: (state) => (isGoing(state, namespace) ? `it is ${state.namespaces[namespace]}` : null),
  settleSeconds: 180,
});

const isGoing = ({ namespaces }: State, namespace: string): boolean =>
  namespaces[namespace]?.startsWith("Terminating") === true;

const apply = (expected: Expected): Step => ({
  title: `topology ${expected.path}`,
  // Always, and without harm: what KEDA and the HPA own (replicas) is not in the manifests.
  needed: () => true,
  commands: () => [
    kubectl(
      "apply",
      "--server-side",
      "--force-conflicts",
      "--field-manager",
      "limpet",
      "--kustomize",
      expected.path,
    ),
  ],
  commandSeconds: 120,
  // A webhook can be unreachable for a moment after its Deployment is available.
  attempts: 5,
  missing: () => null,
  settleSeconds: 0,
});

/**
 * The tag `:dev` stays the same over builds, so Kubernetes sees no change and old code would go on. The image's id in the pods'
 * template is one.
 */
const runBuiltImages = (expected: Expected): Step => {
  const { namespace, workloads, deployments } = expected;
  const stale = (state: State): Expected["workloads"] =>
    workloads.filter(({ kind, name, image }) => {
      const found = state.workloads.find(
        (one) => one.kind === kind && one.namespace === namespace && one.name === name,
      );
      return found?.imageId !== (state.images[image] ?? null) || found === undefined;
    });
  return {
    title: "everything runs, from the images just built",
    needed: () => true,
    commands: (state) =>
      stale(state).map(({ kind, name, image }) =>
        kubectl(
          "patch",
          `${kind.toLowerCase()}.apps/${name}`,
          "--namespace",
          namespace,
          "--type",
          "merge",
          "--patch",
          JSON.stringify({
            spec: {
              template: {
                metadata: { annotations: { [IMAGE_ID]: state.images[image] ?? `<id of ${image}>` } },
              },
            },
          }),
        ),
      ),
    commandSeconds: 60,
    missing: (state) =>
      unavailable(state, namespace, deployments) ??
      notReady(state, expected) ??
      withoutSidecar(state, expected),
    settleSeconds: 300,
  };
};

function notReady(state: State, { namespace, scaledObjects }: Expected): string | null {
  const not = scaledObjects.flatMap((name) => {
    const found = state.scaledObjects.find((one) => one.namespace === namespace && one.name === name);
    if (found === undefined) return [`ScaledObject ${name} is not there`];
    return found.ready ? [] : [`ScaledObject ${name}: ${found.words}`];
  });
  return not.length === 0 ? null : not.join("; ");
}

/** Without its sidecar a gateway answers just the same, and nothing hashes. */
const giveSidecar = (expected: Expected): Step => ({
  title: "the gateway gets the sidecar that it was made without",
  needed: (state) => bareGateways(state, expected).length > 0,
  commands: () => [
    kubectl("rollout", "restart", `deployment.apps/${expected.gateway}`, "--namespace", expected.namespace),
  ],
  commandSeconds: 60,
  missing: () => null,
  settleSeconds: 0,
});

const gatewaysOf = (state: State, { namespace, gateway }: Expected): State["pods"] =>
  state.pods.filter((pod) => pod.namespace === namespace && pod.app === gateway && !pod.going);

const bareGateways = (state: State, expected: Expected): State["pods"] =>
  expected.mesh
    ? gatewaysOf(state, expected).filter(({ containers }) => !containers.includes("istio-proxy"))
    : [];

function withoutSidecar(state: State, expected: Expected): string | null {
  const { namespace, gateway } = expected;
  if (gatewaysOf(state, expected).length === 0)
    return `there is no pod of ${gateway}${troubleIn(state, namespace)}`;
  const bare = bareGateways(state, expected).map(({ name }) => name);
  return bare.length === 0 ? null : `pod ${bare.join(", ")} has no sidecar (istio-proxy)`;
}
