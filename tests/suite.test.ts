/** The main job, whole: the six tests on the test topology, as `npm start` runs them. */
import { basename } from "node:path";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import { limpet, limpetTest } from "./kit.ts";

const SIX = [
  "scale from zero",
  "tenant affinity",
  "scale to zero",
  "multi-tenant scaling",
  "consistent hashing",
  "tiers scale independently",
];

type Suite = {
  readonly "@name": string;
  readonly "@tests": string;
  readonly "@failures": string;
  readonly "@errors": string;
  readonly testcase: readonly { readonly "@classname": string; readonly "@name": string }[];
};

type Comparison = {
  readonly agree: boolean;
  readonly scenarios: readonly {
    readonly name: string;
    readonly rows: readonly { readonly measure: string; readonly a: unknown; readonly verdict: string }[];
  }[];
};

/** The simulated engine with the same seed, beside the run that was just made. */
async function parity(folder: string, cwd: string): Promise<void> {
  const simulated = await limpet(["test", "--seed", "11", "--engine", "simulated", "--reporter", "json"], {
    cwd,
  });
  expect(simulated.code, simulated.said).toBe(0);
  const other = (JSON.parse(simulated.stdout) as { readonly folder: string }).folder;
  const compared = await limpet(["compare", folder, other, "--reporter", "json"], { cwd });
  const { scenarios } = JSON.parse(compared.stdout) as Comparison;
  expect(scenarios.map(({ name }) => name)).toEqual(SIX);
  const differing = scenarios.flatMap(({ name, rows }) =>
    rows.filter(({ verdict }) => verdict === "differ").map((row) => ({ name, ...row })),
  );
  expect(differing, compared.stdout).toEqual([]);
  expect(compared.code).toBe(0);
  // Agreement about nothing would be none: tenants' owners were really held beside each other.
  const owners = scenarios.flatMap(({ rows }) => rows).filter(({ measure }) => measure.startsWith("owners"));
  expect(owners.reduce((sum, { a }) => sum + Number(a), 0)).toBeGreaterThan(10);
}

test("limpet test: six passes, exit 0, and the same as a table and as JUnit", async () => {
  const { code, result, said, cwd } = await limpetTest(["--seed", "11"]);
  expect(
    result.scenarios.map(({ name, verdict }) => [name, verdict]),
    said,
  ).toEqual(SIX.map((name) => [name, "pass"]));
  expect(code).toBe(0);
  expect(result).toMatchObject({ engine: "local", seed: 11, speed: 20, notApplicable: [] });
  const again = result.scenarios.filter(({ attempts }) => attempts.length > 1).map(({ name }) => name);
  console.log(
    `suite: ${Math.round(result.realSeconds!)} s real, peak PSS ${Math.round(result.pssBytesPeak! / 2 ** 20)} MiB, ` +
      (again.length === 0 ? "nothing run again" : `run again: ${again.join(", ")}`),
  );
  expect(result.pssBytesPeak).toBeLessThan(2 ** 30);

  // In the order of the original's results table: a suite for each scenario, a case for each check.
  const junit = await limpet(["report", "--reporter", "junit"], { cwd });
  expect(junit.code).toBe(0);
  expect(XMLValidator.validate(junit.stdout)).toBe(true);
  const read = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    isArray: (name) => name === "testsuite" || name === "testcase",
  }).parse(junit.stdout) as { readonly testsuites: { readonly testsuite: readonly Suite[] } };
  const suites = read.testsuites.testsuite;
  expect(suites.map((suite) => suite["@name"])).toEqual(SIX);
  for (const [index, suite] of suites.entries()) {
    const { checks } = result.scenarios[index]!;
    expect(suite).toMatchObject({ "@tests": String(checks.length), "@failures": "0", "@errors": "0" });
    expect(suite.testcase.map((one) => one["@name"])).toEqual(checks.map(({ name }) => name));
    for (const one of suite.testcase) expect(one["@classname"]).toBe(SIX[index]);
  }

  await parity(result.folder, cwd);

  const table = await limpet(["report", basename(result.folder)], { cwd });
  expect(table.code).toBe(0);
  expect(table.stdout).toContain("6 of 6 tests pass");
  const rows = table.stdout.split("\n").filter((line) => SIX.some((name) => line.startsWith(` ${name} `)));
  expect(rows.map((line) => SIX.find((name) => line.startsWith(` ${name} `)))).toEqual(SIX);
});
