import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { destinationRule, scaledObject, service, workload, yaml } from "./examples.ts";
import { formatLint, type Format } from "./format.ts";
import { RULES } from "./rules.ts";
import { lintPath, lintText } from "./test-kit.ts";

const text = yaml(
  service({ spec: "clusterIP: None" }),
  destinationRule().replace("      consistentHash", "      # 100 %: a, b\n      consistentHash"),
  workload({ kind: "StatefulSet" }).replace(
    "containers:",
    "containers: # limpet:ignore LIMPET-S106 not here",
  ),
  scaledObject({ name: "other", target: "{kind: Deployment, name: elsewhere}" }),
);
const formatted = async (format: Format): Promise<string> =>
  formatLint(await lintText(text), format, { version: "1.2.3" });

test("text: place, severity, code, object; the sentence; the remedy; what was not checked; the sum", async () => {
  const lines = await formatted("text");
  expect(lines).toContain(
    "stdin:17:7  error  LIMPET-R101  DestinationRule shop/api\n" +
      "  consistentHash is for Service api, which has clusterIP None (stdin:5): a sidecar's cluster is ORIGINAL_DST and nothing hashes.\n" +
      "  → give the Service a ClusterIP, and the StatefulSet's serviceName a second, headless Service of its own\n",
  );
  expect(lines).toContain("not checked\n  stdin:");
  expect(lines).toMatch(/\n\d+ errors?, \d+ warnings?, \d+ infos? in 4 objects, 1 file\n/);
  expect(lines.trimEnd().split("\n").at(-1)).toBe(
    "why, and how it looks when right: limpet explain LIMPET-R101",
  );
});

test("json: the schema's fields and no others", async () => {
  const read = JSON.parse(await formatted("json")) as {
    schemaVersion: number;
    findings: Record<string, unknown>[];
  };
  expect(read.schemaVersion).toBe(1);
  for (const finding of read.findings)
    expect(Object.keys(finding).sort()).toEqual([
      "code",
      "column",
      "file",
      "line",
      "message",
      "object",
      "remedy",
      "severity",
    ]);
});

test("github: one workflow command a finding, its text escaped", async () => {
  const lines = (await formatted("github")).trimEnd().split("\n");
  const { findings } = await lintText(text);
  expect(lines).toHaveLength(findings.length);
  for (const line of lines)
    expect(line).toMatch(
      /^::(error|warning|notice) file=[^:,]+,line=\d+,col=\d+,title=LIMPET-[^:,]+::[^\r\n]+$/,
    );
});

/** The part of SARIF 2.1.0's schema that we write, closed: what is not in it would be a slip of ours. */
const closed = (properties: Record<string, unknown>, required = Object.keys(properties)) => ({
  type: "object",
  additionalProperties: false,
  properties,
  required,
});
const words = { type: "string", minLength: 1 };
const message = closed({ text: words });
const level = { enum: ["none", "note", "warning", "error"] };
const SARIF = closed({
  $schema: { type: "string" },
  version: { const: "2.1.0" },
  runs: {
    type: "array",
    minItems: 1,
    items: closed({
      tool: closed({
        driver: closed({
          name: words,
          semanticVersion: words,
          rules: {
            type: "array",
            uniqueItems: true,
            items: closed({
              id: words,
              name: words,
              shortDescription: message,
              fullDescription: message,
              help: closed({ text: words, markdown: words }),
              defaultConfiguration: closed({ level }),
              properties: closed({ tags: { type: "array", items: words, uniqueItems: true } }),
            }),
          },
        }),
      }),
      columnKind: { enum: ["utf16CodeUnits", "unicodeCodePoints"] },
      results: {
        type: "array",
        items: closed(
          {
            ruleId: words,
            ruleIndex: { type: "integer", minimum: 0 },
            level,
            message,
            locations: {
              type: "array",
              items: closed({
                physicalLocation: closed({
                  artifactLocation: closed({ uri: { type: "string", pattern: "^[^ ]+$" } }),
                  region: closed({
                    startLine: { type: "integer", minimum: 1 },
                    startColumn: { type: "integer", minimum: 1 },
                  }),
                }),
                logicalLocations: {
                  type: "array",
                  items: closed({ fullyQualifiedName: words, kind: words }),
                },
              }),
            },
            partialFingerprints: { type: "object", additionalProperties: words },
            suppressions: {
              type: "array",
              items: closed({ kind: { enum: ["inSource", "external"] }, justification: words }),
            },
          },
          ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
        ),
      },
    }),
  },
});

/** The standard's own schema, of draft 4: the words of it that differ from draft 7 are not used in it. */
function standard(): object {
  const path = createRequire(import.meta.url).resolve(
    "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json",
  );
  const {
    $schema: _draft,
    id: _name,
    ...schema
  } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  return schema;
}

test.each([
  ["examples", () => lintText(text)],
  ["the original document's manifests", () => lintPath("tests/fixtures/original")],
  ["nothing found", () => lintPath("k8s/test-topology")],
  [
    "every rule's wrong example",
    () =>
      lintText(
        RULES.filter(({ exampleFile }) => exampleFile === undefined)
          .map(({ wrong }, i) => wrong.replaceAll(/\bshop\b/g, `shop-${i}`))
          .join("---\n"),
      ),
  ],
])("sarif of %s: valid against the standard's schema", async (_what, result) => {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, unicodeRegExp: false });
  const validate = ajv.compile(standard());
  validate(JSON.parse(formatLint(await result(), "sarif", { version: "1.2.3" })));
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ version: "2.1.0", runs: [{ results: [{}] }] })).toBe(false);
});

test("sarif: in the schema's form, each result of a rule that is listed, suppressed ones marked", async () => {
  const read = JSON.parse(await formatted("sarif")) as {
    runs: {
      tool: { driver: { rules: { id: string }[] } };
      results: { ruleId: string; ruleIndex: number; suppressions?: unknown[]; partialFingerprints: object }[];
    }[];
  };
  const ajv = new Ajv({ allErrors: true });
  ajv.validate(SARIF, read);
  expect(ajv.errors ?? []).toEqual([]);
  const [run] = read.runs;
  for (const { ruleId, ruleIndex } of run!.results)
    expect(run!.tool.driver.rules[ruleIndex]!.id).toBe(ruleId);
  const prints = run!.results.map((one) => JSON.stringify(one.partialFingerprints));
  expect(new Set(prints).size).toBe(prints.length);
});
