/** Set-up and clean-up on stand-ins, in virtual time: every way that a first try may have ended, and the second one. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../clock/virtual-clock.ts";
import type { RunCommand } from "../exec/run-command.ts";
import { loadTopology } from "../topology/load.ts";
import { carryOut, Interrupted, Refused, smoke, StepFailed } from "./carry-out.ts";
import { CONTEXT, kubectl } from "./commands.ts";
import { expectedOf, imagesOf } from "./expected.ts";
import { LookFailed, observe } from "./observe.ts";
import { type Level, planDown } from "./plan-down.ts";
import { planUp } from "./plan-up.ts";
import { everyCommand } from "./rehearse.ts";
import { smokeTests } from "./smoke.ts";
import type { Step } from "./step.ts";
import { answer, freshWorld, SERVER, type World } from "./testing.ts";

const expected = expectedOf(await loadTopology({ path: "k8s/test-topology" }), "k8s/test-topology", ".");

type Tried = { readonly error: unknown; readonly said: string[]; readonly ran: string[] };

/** Carries a plan out on a world. Commands take no time; waits pass at once. */
async function attempt(world: World, steps: readonly Step[], withSmoke = false): Promise<Tried> {
  const clock = new VirtualClock();
  const interrupted = new AbortController();
  const from = world.log.length;
  const run: RunCommand = async (command) => {
    const outcome = answer(world, command);
    if (outcome.ended === "interrupted") interrupted.abort();
    return outcome;
  };
  const said: string[] = [];
  const on = { run, clock, interrupted: interrupted.signal, say: (line: string) => void said.push(line) };
  const all = (async () => {
    await carryOut(steps, { ...on, observe: () => observe(run, imagesOf(expected)) });
    if (withSmoke)
      for (const { ok, name, seen } of await smoke(smokeTests(expected), 30, on))
        if (!ok) throw new Error(`${name}: ${seen}`);
  })();
  const state = { over: false, error: null as unknown };
  const ended = (error: unknown): void => void Object.assign(state, { over: true, error });
  all.then(() => ended(null), ended);
  while (!state.over) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.step();
  }
  return { error: state.error, said, ran: world.log.slice(from) };
}

const up = (world: World): Promise<Tried> => attempt(world, planUp(expected), true);
const down = (world: World, level: Level, images = false): Promise<Tried> =>
  attempt(world, planDown(expected, level, images));

const READS =
  /^(kind (get|version)|docker (image inspect|container inspect|info)|helm \S+ \S+ list|kubectl \S+ \S+ (get|config view|exec))/;
const acts = ({ ran }: Pick<Tried, "ran">): string[] => ran.filter((line) => !READS.test(line));

const standing = async (): Promise<World> => {
  const world = freshWorld();
  expect((await up(world)).error).toBeNull();
  return world;
};

describe("up", () => {
  test("on a fresh machine runs what --dry-run printed, in that order, and nothing else", async () => {
    const world = freshWorld();
    const tried = await up(world);
    expect(tried.error).toBeNull();
    const printed = everyCommand(
      planUp(expected),
      smokeTests(expected),
      expected,
      "nothing stands yet",
    ).filter((line) => line !== "" && !line.startsWith("#"));
    const withIds = (line: string): string =>
      line.replace(/<id of ([^>]+)>/, (_, image: string) => world.images[image]!);
    expect(acts(tried)).toEqual(
      acts({ ran: printed.map(withIds) }).filter((line) => !/--version$|version --/.test(line)),
    );
    // The looks are announced too, each of them.
    const looked = new Set(tried.ran.filter((line) => READS.test(line)).map(withoutScaledObjects));
    expect([...looked].filter((line) => !printed.map(withoutScaledObjects).includes(line))).toEqual([]);
  });

  test("again builds, loads and applies, and changes nothing else", async () => {
    const tried = await up(await standing());
    expect(tried.error).toBeNull();
    expect(
      acts(tried).map((line) =>
        line
          .replace(/^BUILDX\S+ /, "")
          .split(" ")
          .slice(0, 2)
          .join(" "),
      ),
    ).toEqual(["docker build", "docker build", "kind load", `kubectl --context`]);
    expect(acts(tried).at(-1)).toContain(" apply ");
  });

  test("after a change of the source starts the pods of the new image", async () => {
    const world = await standing();
    world.source = 2;
    const tried = await up(world);
    expect(tried.error).toBeNull();
    expect(acts(tried).filter((line) => line.includes(" patch "))).toHaveLength(4);
  });

  const left: readonly (readonly [string, (world: World) => void, RegExp])[] = [
    [
      "its node is stopped",
      (world) => Object.assign(world, { nodeRuns: false, apiAnswers: false }),
      /^docker start test-topology-control-plane$/,
    ],
    [
      "the kubeconfig lost its context",
      (world) => void delete world.contexts[CONTEXT],
      /^kind export kubeconfig/,
    ],
    [
      "the cluster broke off half-made",
      (world) => Object.assign(world, { halfMade: true }),
      /^kind delete cluster --name test-topology$/,
    ],
    [
      "an install of KEDA broke off",
      (world) => setStatus(world, "keda", "pending-install"),
      /^helm \S+ \S+ uninstall keda /,
    ],
    [
      "an install of Istio failed",
      (world) => setStatus(world, "istiod", "failed"),
      /^helm \S+ \S+ upgrade --install istiod /,
    ],
    [
      "Istio is the one that is known to be bad",
      (world) => setChart(world, "istiod", "istiod-1.30.0"),
      /--install istiod .*--version 1\.31\.4 /,
    ],
    [
      "the gateway was made before istiod",
      (world) => setSidecar(world, false),
      /rollout restart deployment\.apps\/test-gateway/,
    ],
    [
      "the old namespace still goes",
      (world) => void answer(world, kubectl("delete", "namespace", "percolate-test")),
      / apply /,
    ],
  ];

  test.each(left)("where %s goes on from there", async (_, leave, command) => {
    const world = await standing();
    leave(world);
    const tried = await up(world);
    expect(tried.error).toBeNull();
    expect(acts(tried).find((line) => command.test(line))).toBeDefined();
    // And it is done: nothing of it again.
    const again = await up(world);
    expect(again.error).toBeNull();
    if (!/apply/.test(String(command)))
      expect(acts(again).find((line) => command.test(line))).toBeUndefined();
  });

  test("a cluster whose name only contains ours is another one", async () => {
    const world = freshWorld();
    expect(world.clusters).toEqual(["test-topology-2"]);
    await up(world);
    expect(world.clusters).toEqual(["test-topology-2", "test-topology"]);
  });

  test.each(["up", "down"])(
    "%s refuses a context of our name that leads elsewhere, and does nothing",
    async (way) => {
      const world = await standing();
      world.contexts[CONTEXT] = "https://203.0.113.7";
      const tried = way === "up" ? await up(world) : await down(world, "test");
      expect(tried.error).toBeInstanceOf(Refused);
      expect(String(tried.error)).toContain(
        `leads to https://203.0.113.7, but the Kind cluster test-topology listens on ${SERVER}`,
      );
      expect(acts(tried)).toEqual([]);
      // Not even a question went there: only the kubeconfig was read.
      expect(
        tried.ran.filter((line) => /^(kubectl|helm)/.test(line) && !line.includes("config view")),
      ).toEqual([]);
    },
  );

  const faults: readonly (readonly [string, Partial<World>, RegExp])[] = [
    [
      "a command that hangs",
      {
        faults: [
          { when: "upgrade --install keda", does: "hangs", says: "waiting for the operator", times: 9 },
        ],
      },
      /^keda 2\.21\.0: helm .*: not done in 360 s, and ended\n {4}waiting for the operator$/,
    ],
    [
      "a command that fails",
      {
        faults: [
          { when: "docker build", does: "fails", says: "COPY failed: no space left on device", times: 9 },
        ],
      },
      /^images: .*docker build .*: exit code 1\n {4}COPY failed: no space left on device\n {2}Docker's disk is full/,
    ],
    [
      "an image that Docker holds only in part",
      {
        faults: [
          { when: "kind load", does: "fails", says: "ctr: content digest sha256:0: not found", times: 9 },
        ],
      },
      /kubernetes-sigs\/kind #3795/,
    ],
    [
      "a node image that cannot be pulled",
      {
        faults: [
          {
            when: "kind create",
            does: "fails",
            says:
              'cgroup v1 is deprecated in Kubernetes\nERROR: failed to create cluster: failed to pull image "kindest/node:v1.36.4@sha256:0": ' +
              "lookup registry-1.docker.io: no such host",
            times: 9,
          },
        ],
      },
      /\n {2}An image could not be pulled/,
    ],
    [
      "an API server that stops answering",
      { faults: [{ when: "/readyz", does: "fails", says: "connection refused", times: 1e9 }] },
      /^Kind cluster test-topology, .*: not so after 60 s; last seen: its API server does not answer: connection refused/,
    ],
  ];

  test.each(faults)("says of %s what it was and what it said", async (_, change, message) => {
    const world = { ...freshWorld(), ...change };
    const tried = await up(world);
    expect(tried.error).toBeInstanceOf(StepFailed);
    expect((tried.error as Error).message).toMatch(message);
    // Mended, the same command goes through.
    world.faults = [];
    expect((await up(world)).error).toBeNull();
  });

  test("a wait that ends in nothing says what was seen last, and why", async () => {
    const world = await standing();
    const gateway = world.workloads.find(({ name }) => name === "test-gateway")!;
    gateway.trouble = "ErrImageNeverPull: Container image is not present with pull policy of Never";
    const { error, said } = await up(world);
    expect(String(error)).toContain(
      "not so after 300 s; last seen: Deployment test-gateway 0/1 ready; pod test-gateway-0: main ErrImageNeverPull: Container image is not present",
    );
    expect(String(error)).toContain("The node lost its image");
    expect(said.filter((line) => line.includes("waiting, at most 300 s"))).toHaveLength(1);
  });

  test("a webhook that answers late is waited for", async () => {
    const world = freshWorld();
    world.faults = [
      { when: " apply ", does: "fails", says: 'failed calling webhook "vscaledobject.kb.io"', times: 2 },
    ];
    const tried = await up(world);
    expect(tried.error).toBeNull();
    expect(acts(tried).filter((line) => line.includes(" apply "))).toHaveLength(3);
  });

  test("a smoke test that fails says what it saw", async () => {
    const world = freshWorld();
    world.faults = [
      { when: "pilot-agent", does: "fails", says: 'container not found ("istio-proxy")', times: 1e9 },
    ];
    expect(String((await up(world)).error)).toContain(
      'the gateway\'s Envoy can be asked: container not found ("istio-proxy")',
    );
  });
});

describe("down", () => {
  const order = (tried: Tried, ...words: string[]): number[] =>
    words.map((word) => acts(tried).findIndex((line) => line.includes(word)));
  const rising = (places: number[]): boolean =>
    places.every((at, i) => at >= 0 && (i === 0 || at > places[i - 1]!));

  test("test: the ScaledObjects go before their namespace; the rest stays", async () => {
    const world = await standing();
    const tried = await down(world, "test");
    expect(tried.error).toBeNull();
    expect(rising(order(tried, "delete scaledobjects", "delete namespace percolate-test"))).toBe(true);
    expect(world.scaledObjects).toEqual({});
    expect(world.namespaces.sort()).toEqual(["istio-system", "keda"]);
    expect(world.releases).toHaveLength(3);
    expect((await up(world)).error).toBeNull();
  });

  test("addons: ScaledObjects, namespace, KEDA, Istio, in this order, and no CRD is left", async () => {
    const world = await standing();
    const tried = await down(world, "addons");
    expect(tried.error).toBeNull();
    const wanted = [
      "delete scaledobjects",
      "delete namespace percolate-test",
      "uninstall keda",
      "uninstall istiod",
      "uninstall istio-base",
    ];
    expect(rising(order(tried, ...wanted))).toBe(true);
    expect([world.namespaces, world.releases, world.crds]).toEqual([[], [], []]);
    expect(world.clusters).toContain("test-topology");
  });

  test("with KEDA broken takes the finalizers off itself, so that nothing hangs", async () => {
    const world = await standing();
    world.workloads = world.workloads.filter(({ name }) => name !== "keda-operator");
    const tried = await down(world, "test");
    expect(tried.error).toBeNull();
    expect(acts(tried).filter((line) => line.includes('"finalizers":null'))).toHaveLength(3);
    expect(world.namespaces).not.toContain("percolate-test");
  });

  test("cluster: one command, and the other cluster stays", async () => {
    const world = await standing();
    const tried = await down(world, "cluster", true);
    expect(tried.error).toBeNull();
    expect(acts(tried)).toEqual([
      "kind delete cluster --name test-topology",
      "docker image rm localhost:5001/test-gateway:dev localhost:5001/test-api:dev",
    ]);
    expect(world.clusters).toEqual(["test-topology-2"]);
    expect(world.contexts).toEqual({ production: "https://203.0.113.7" });
  });

  test.each(["test", "addons", "cluster"] as const)("%s a second time does nothing", async (level) => {
    const world = await standing();
    await down(world, level);
    const again = await down(world, level);
    expect([again.error, acts(again)]).toEqual([null, []]);
  });

  test("a namespace that hangs is told with its way out", async () => {
    const world = await standing();
    world.faults = [{ when: "delete scaledobjects", does: "fails", says: "forbidden", times: 9 }];
    expect(String((await down(world, "test")).error)).toContain("forbidden");
  });
});

test.each([
  [
    "kind get clusters",
    { when: "get clusters", does: "fails", says: "ERROR: permission denied", times: 9 },
    "permission denied",
  ],
  [
    "helm list",
    { when: " list ", does: "fails", says: "Error: Kubernetes cluster unreachable", times: 9 },
    "unreachable",
  ],
] as const)("%s that cannot be asked is told in its own words", async (_, fault, words) => {
  const world = await standing();
  world.faults = [{ ...fault }];
  const { error } = await down(world, "test");
  expect(error).toBeInstanceOf(LookFailed);
  expect((error as Error).message).toContain(words);
});

test("whatever interrupts it, and however often: every command names our context, and the last try gets there", async () => {
  const words = [
    "kind create",
    "docker build",
    "kind load",
    "istio-base",
    "istiod",
    "--install keda",
    " apply ",
    " patch ",
    " exec ",
  ];
  const stops = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(stops, fc.constantFrom("test", "addons", "cluster"), async (when, level) => {
      const world = freshWorld();
      world.faults = when.map((word) => ({ when: word, does: "interrupts", times: 1 }));
      for (const _ of when) {
        const { error } = await up(world);
        if (error !== null) expect(error).toBeInstanceOf(Interrupted);
      }
      world.faults = [];
      expect((await up(world)).error).toBeNull();
      expect((await down(world, level)).error).toBeNull();
      const foreign = world.log.filter(
        (line) => /^(kubectl|helm) /.test(line) && !line.includes(`-context ${CONTEXT} `),
      );
      expect(foreign).toEqual([]);
    }),
    { numRuns: 20 },
  );
}, 60_000);

const withoutScaledObjects = (line: string): string => line.replace(",scaledobjects.keda.sh", "");

function setStatus(world: World, release: string, status: string): void {
  world.releases.find(({ name }) => name === release)!.status = status;
}

function setChart(world: World, release: string, chart: string): void {
  world.releases.find(({ name }) => name === release)!.chart = chart;
}

function setSidecar(world: World, sidecar: boolean): void {
  world.workloads.find(({ name }) => name === "test-gateway")!.sidecar = sidecar;
}
