/** What `--fix` changes, and what it leaves. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { scaledObject, workload, yaml } from "./examples.ts";
import { fixFiles } from "./fix-files.ts";
import { mutated, mutation } from "./mutation-test-kit.ts";
import { RULES } from "./rules.ts";

const root = mkdtempSync(join(tmpdir(), "limpet-fix-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const file = join(root, "all.yaml");

/** The text after `--fix`, and what it said. */
async function fixed(text: string) {
  writeFileSync(file, text);
  const { fixed: done, files, result } = await fixFiles({ paths: ["all.yaml"], root }, {});
  return { text: files.get(file)?.after ?? text, done, result };
}

const fixable = RULES.filter(({ fix }) => fix !== undefined);

describe.each(fixable.map((rule) => [rule.code, rule] as const))("%s", (code, rule) => {
  test("its wrong example is put right, and only the lines that are said change", async () => {
    const { text, done, result } = await fixed(rule.wrong);
    expect(result.findings.filter((one) => one.code === code)).toEqual([]);
    const own = done.filter(({ finding }) => finding.code === code);
    expect(own.length).toBeGreaterThan(0);
    const [before, after] = [rule.wrong.split("\n"), text.split("\n")];
    const gone = before.filter((line) => !after.includes(line));
    const come = after.filter((line) => !before.includes(line));
    expect(gone.length).toBeLessThanOrEqual(done.length);
    expect(come.length).toBeLessThanOrEqual(done.length);
    for (const { finding } of own) expect(finding.line).toBeGreaterThan(1);
  });

  test("a second time there is nothing left to fix", async () => {
    const { text } = await fixed(rule.wrong);
    expect((await fixed(text)).text).toBe(text);
  });
});

test("rules that say no fix offer none, and those that do offer one", async () => {
  for (const rule of RULES) {
    if (rule.exampleFile !== undefined) continue;
    const { done } = await fixed(rule.wrong);
    expect([rule.code, done.some(({ finding }) => finding.code === rule.code)]).toEqual([
      rule.code,
      rule.fix !== undefined,
    ]);
  }
});

const BLOCK = `# who scales what
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: api   # ours
  namespace: shop
spec:
  scaleTargetRef:
    name: api  # the StatefulSet

  triggers:
  # by tenants
  - type: prometheus
    metadata:
      # the old name
      metricName: active  # not read
      serverAddress: 'http://prometheus.monitoring:9090'
      threshold: "2"
      query: |
        max(active_tenants)
      ignoreNullValue: "false"
`;

const STATEFUL = yaml(workload({ kind: "StatefulSet", spec: "replicas: 0" }));

test("comments, quotes and blank lines stay", async () => {
  const { text, done } = await fixed(`${BLOCK}---\n${STATEFUL}`);
  expect(text.split("---\n")[0]).toBe(`# who scales what
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: api   # ours
  namespace: shop
spec:
  scaleTargetRef:
    name: api  # the StatefulSet
    kind: StatefulSet

  triggers:
  # by tenants
  - type: prometheus
    metadata:
      # the old name
      serverAddress: 'http://prometheus.monitoring:9090'
      threshold: "2"
      query: |
        max(active_tenants)
      ignoreNullValues: "false"
`);
  expect(done.map(({ finding, change }) => `${finding.line} ${finding.code} ${change}`).sort()).toEqual([
    "16 LIMPET-K103 took metricName out",
    "21 LIMPET-K104 renamed ignoreNullValue to ignoreNullValues",
    "28 LIMPET-K107 took replicas out",
    "8 LIMPET-K101 added kind: StatefulSet",
  ]);
});

test("lines that end in CRLF still do", async () => {
  const { text } = await fixed(`${BLOCK}---\n${STATEFUL}`.replaceAll("\n", "\r\n"));
  expect(text).toContain("    kind: StatefulSet\r\n");
  expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
});

test("what is suppressed is not fixed", async () => {
  const text = yaml(
    workload({ spec: "replicas: 3 # limpet:ignore LIMPET-K107 seeded by hand" }),
    scaledObject(),
  );
  expect((await fixed(text)).text).toBe(text);
});

test("a value that has an anchor is left to the author", async () => {
  const text = yaml(workload({ spec: "replicas: &size 3\nminReadySeconds: *size" }), scaledObject());
  const { text: after, result } = await fixed(text);
  expect(after).toBe(text);
  expect(result.findings.map(({ code }) => code)).toContain("LIMPET-K107");
});

test("what a kustomization's patch sets is fixed in the patch, and not where it does not stand", async () => {
  writeFileSync(join(root, "base.yaml"), yaml(workload(), scaledObject()));
  writeFileSync(
    join(root, "kustomization.yaml"),
    "resources: [base.yaml]\nreplicas: [{name: api, count: 3}]\npatches:\n- path: patch.yaml\n",
  );
  const patch =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: shop}\nspec:\n  minReadySeconds: 5\n";
  writeFileSync(join(root, "patch.yaml"), patch);
  const { files, result } = await fixFiles({ paths: ["."], root }, {});
  expect([...files.keys()]).toEqual([]);
  expect(result.findings.map(({ code }) => code)).toContain("LIMPET-K107");
  expect(readFileSync(join(root, "patch.yaml"), "utf8")).toBe(patch);
});

test("spoilt manifests: what --fix leaves can be read, and has nothing more to fix", async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...fixable.map(({ wrong }) => wrong)),
      fc.array(mutation, { minLength: 1, maxLength: 2 }),
      async (wrong, changes) => {
        try {
          const { text, done } = await fixed(changes.reduce(mutated, wrong));
          if (done.length === 0) return;
          count++;
          expect((await fixed(text)).text).toBe(text);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(count).toBeGreaterThan(40);
});
