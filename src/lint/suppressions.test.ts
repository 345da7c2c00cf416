import { expect, test } from "vitest";
import { caller, destinationRule, service, workload, yaml } from "./examples.ts";
import { lintText } from "./test-kit.ts";

const headless = yaml(service({ spec: "clusterIP: None" }), destinationRule());
const codes = async (text: string) => {
  const { findings, suppressed } = await lintText(text);
  return {
    found: findings.map(({ code }) => code),
    suppressed: suppressed.map(({ finding, reason }) => [finding.code, reason]),
  };
};
const above = (comment: string): string =>
  headless.replace("      consistentHash:", `      ${comment}\n      consistentHash:`);
const annotated = (text: string): string =>
  headless.replace(
    "kind: DestinationRule\nmetadata: {name: api, namespace: shop}",
    `kind: DestinationRule\nmetadata:\n  name: api\n  namespace: shop\n  annotations:\n    limpet.dev/ignore: ${text}`,
  );

test.each([
  [
    "above the line",
    above("# limpet:ignore LIMPET-R101 the ingress gateway hashes here"),
    "the ingress gateway hashes here",
  ],
  [
    "above it, in a longer comment",
    above("# limpet:ignore LIMPET-R101 on purpose\n      # and more words"),
    "on purpose",
  ],
  [
    "on the line",
    headless.replace(
      "{httpHeaderName: x-tenant-id}",
      "{httpHeaderName: x-tenant-id} # limpet:ignore LIMPET-R101 on purpose",
    ),
    "on purpose",
  ],
  ["by annotation", annotated('"LIMPET-R101: on purpose"'), "on purpose"],
  [
    "by annotation of several lines",
    annotated("|\n      LIMPET-R101: on purpose: all of it\n      LIMPET-R120: so too"),
    "on purpose: all of it",
  ],
])("suppressed %s", async (_how, text, reason) => {
  const { found, suppressed } = await codes(text);
  expect(found).not.toContain("LIMPET-R101");
  expect(suppressed).toContainEqual(["LIMPET-R101", reason]);
});

test.each([
  ["another code", above("# limpet:ignore LIMPET-R102 on purpose"), "LIMPET-L103"],
  ["no reason", above("# limpet:ignore LIMPET-R101"), "LIMPET-L101"],
  ["no reason in an annotation", annotated("LIMPET-R101"), "LIMPET-L101"],
  ["no such code", above("# limpet:ignore LIMPET-R1O1 on purpose"), "LIMPET-L102"],
  ["another line", `# limpet:ignore LIMPET-R101 on purpose\n${headless}`, "LIMPET-L103"],
])("not suppressed: %s", async (_how, text, told) => {
  const { found, suppressed } = await codes(text);
  expect(found).toContain("LIMPET-R101");
  expect(found).toContain(told);
  expect(suppressed).toEqual([]);
});

test("a suppression of one object leaves the others", async () => {
  const text = yaml(
    workload().replace(
      "metadata: {name: api, namespace: shop}",
      'metadata: {name: api, namespace: shop, annotations: {limpet.dev/ignore: "LIMPET-S101: a LimitRange sets it"}}',
    ),
    caller(),
  );
  const { findings } = await lintText(text);
  expect(findings.filter(({ code }) => code === "LIMPET-S101").map(({ object }) => object)).toEqual([
    "Deployment shop/edge",
  ]);
});
