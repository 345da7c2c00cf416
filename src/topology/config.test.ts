import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { NO_CONFIG } from "./config.ts";
import { loadTopology } from "./load.ts";

const folder = mkdtempSync(join(tmpdir(), "limpet-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const load = (text: string) => {
  const config = join(folder, "limpet.yaml");
  writeFileSync(config, text);
  return loadTopology({ path: "k8s/test-topology", config });
};

const problems = async (text: string): Promise<readonly string[]> => {
  const error = await load(text).catch((thrown: unknown) => thrown);
  if (!(error instanceof InputError)) throw error;
  return error.problems.map((line) => line.replace(/^\S*limpet\.yaml:/, ""));
};

test("an empty file says nothing", async () => {
  const { config } = await load("# nothing\n");
  expect(config).toEqual({ ...NO_CONFIG, file: join(folder, "limpet.yaml") });
});

test("defaults are those of our own gateway", async () => {
  const { config } = await load("request: {}\nprograms:\n  a: {command: [node, a.js]}\n");
  expect(config.request).toEqual({
    method: "GET",
    path: "/request",
    tenantHeader: "X-Tenant-ID",
    tierHeader: null,
    podField: "pod",
  });
  expect(config.programs).toEqual({ a: { command: ["node", "a.js"], honoursSpeed: false, env: {} } });
});

test.each([
  [
    "an unknown field",
    "entry: test-gateway\nactiveTenant: {}\n",
    [/^2:1: unknown field "activeTenant"; did you mean "activeTenants"\? Fields of limpet\.yaml: entry, /],
  ],
  [
    "an unknown field further down",
    "programs:\n  img:\n    command: [a]\n    honorsSpeed: true\n",
    [
      /^4:18: unknown field "honorsSpeed"; did you mean "honoursSpeed"\? Fields of programs\.img: command, honoursSpeed, env$/,
    ],
  ],
  [
    "wrong types, all at once",
    "tenantIdleSeconds: x\nprograms: {a: {command: 'node a.js'}}\nrequest: {method: FETCH}\n",
    [
      /^1:20: tenantIdleSeconds: must be number, found "x"$/,
      /^2:25: programs\.a\.command: must be array, found "node a\.js"$/,
      /^3:19: request\.method: .*GET.*found "FETCH"$/,
    ],
  ],
  [
    "a simulated time that is no distribution",
    "simulatedMs:\n  hop: [[0, 1], [0.5, 2]]\n  podStart: -1\n",
    [
      /^2:\d+: simulatedMs\.hop: must be points \[share, milliseconds\] that rise from share 0 to share 1, found/,
      /^3:\d+: simulatedMs\.podStart: .*-1$/,
    ],
  ],
  [
    "a simulated time of another name",
    "simulatedMs: {podstart: 5}\n",
    [/unknown field "podstart"; did you mean "podStart"\? Fields of simulatedMs: podStart, containerRestart/],
  ],
  [
    "a value that is not given",
    "activeTenants: {labels: {}}\n",
    [/^1:1: activeTenants\.metric: is not given/],
  ],
  [
    "an entry that is not there",
    "entry: test-gatway\n",
    [/^1:8: no workload "test-gatway" in the manifests\. Did you mean "test-gateway"\? There are: /],
  ],
  [
    "a tier's workload and Service that are not there",
    "tiers:\n  gold: {workload: test-api-smal}\n  iron: {workload: test-api-large, services: [nothing-like-it]}\n",
    [
      /^2:20: no workload "test-api-smal".*"test-api-small"/,
      /^3:47: no Service "nothing-like-it" in the manifests\. There are/,
    ],
  ],
  ["a list", "- a\n", [/^1:1: limpet\.yaml is one YAML map$/]],
] as const)("%s", async (_, text, wanted) => {
  const found = await problems(text);
  expect(found).toHaveLength(wanted.length);
  for (const [i, line] of wanted.entries()) expect(found[i]).toMatch(line);
});

test("declared tiers name what they list; other scale targets stay tiers", async () => {
  const topology = await load("tiers:\n  gold: {workload: test-api-medium}\n");
  expect(topology.tiers.map(({ name, workload }) => [name, workload.name])).toEqual([
    ["gold", "test-api-medium"],
    ["small", "test-api-small"],
    ["large", "test-api-large"],
  ]);
  expect(topology.tiers[0]?.scaledObject?.name).toBe("test-api-medium-scaler");
});

test.each(["k8s/test-topology", resolve("k8s/test-topology")])(
  "a configuration that lies elsewhere is named by its own path, from %s",
  async (path) => {
    const config = join(folder, "limpet.yaml");
    writeFileSync(config, "entrey: x\n");
    const error: unknown = await loadTopology({ path, config }).catch((thrown: unknown) => thrown);
    if (!(error instanceof InputError)) throw error;
    const place = error.problems[0]!.split(":")[0]!;
    expect(resolve(place)).toBe(config);
    expect(place).not.toContain("test-topology");
  },
);

test("a configuration that is not there", async () => {
  await expect(loadTopology({ path: "k8s/test-topology", config: "no/limpet.yaml" })).rejects.toThrow(
    /no\/limpet\.yaml: no such file/,
  );
});
