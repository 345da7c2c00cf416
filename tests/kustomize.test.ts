/** The loader's reading of kustomize, held against kubectl's. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../src/topology/types.ts";
import { Files } from "../src/topology/files.ts";
import { buildKustomization } from "../src/topology/kustomize/build.ts";
import { toJson } from "../src/topology/located.ts";
import { parseYaml } from "../src/topology/parse-yaml.ts";
import { newBudget, Problems } from "../src/topology/problems.ts";

const OVERLAYS = readdirSync("k8s/overlays").map((name) => `k8s/overlays/${name}`);

const FOLDERS = [
  "k8s/test-topology",
  ...OVERLAYS,
  "src/topology/fixtures/everything",
  "tests/fixtures/shop",
  "tests/fixtures/faults/no-kind",
  "tests/fixtures/faults/headless-routing-service",
  "tests/fixtures/faults/rule-on-headless-host",
  "tests/fixtures/faults/query-matches-nothing",
];

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
const why = hasKubectl ? "" : " (skipped: kubectl is not installed)";

const keyed = (objects: readonly Json[]): Map<string, Json> =>
  new Map(
    objects.map((object) => {
      const { apiVersion, kind, metadata } = object as JsonObject;
      const { name, namespace } = metadata as JsonObject;
      return [JSON.stringify([apiVersion, kind, namespace ?? "", name]), object] as const;
    }),
  );

// In CI nothing may be skipped: without kubectl these then fail.
describe.skipIf(!hasKubectl && process.env.CI === undefined)(`kubectl kustomize${why}`, () => {
  test.each(FOLDERS)("builds the same objects from %s", (folder) => {
    const problems = new Problems("");
    const files = new Files(folder, problems, newBudget());
    const built = buildKustomization(files.kustomizationOf(files.root)!, files);
    const theirs = execFileSync("kubectl", ["kustomize", folder], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const rendered = parseYaml(theirs, "kubectl", problems, newBudget()).map(toJson);
    problems.throwIfAny();
    expect(built.missing).toEqual([]);
    expect(built.findings).toEqual([]);
    expect(keyed(built.resources.map(({ node }) => toJson(node)))).toEqual(keyed(rendered));
  });
});
