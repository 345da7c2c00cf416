/** The six tests with built-in and with real parts, in every combination. */
import { expect, test } from "vitest";
import { findProgram } from "../../src/exec/find-program.ts";
import { limpetTest } from "../kit.ts";
import { tell } from "./kit/figures.ts";
import { installedEnvoy } from "./kit/programs.ts";

const envoy = ["--sidecar", "envoy", "--envoy", installedEnvoy()];
const prometheus = ["--metrics", "prometheus"];

test("a Prometheus is on PATH (apt-get install prometheus)", () => {
  expect(findProgram("prometheus", process.env["PATH"])).not.toBeNull();
});

test.each([
  ["both built in", []],
  ["Envoy", envoy],
  ["Prometheus", prometheus],
  ["Envoy and Prometheus", [...envoy, ...prometheus]],
])("%s: six of six tests pass", async (parts, options) => {
  const { result, said } = await limpetTest([...options, "--seed", process.env["SEED"] ?? "8"]);
  const again = result.scenarios.filter(({ attempts }) => attempts.length > 1).length;
  tell({
    row: `six tests, ${parts}`,
    judge: "verdict pass",
    compared: `${result.scenarios.length} tests, ${again} of them run again for lateness, ${Math.round(result.realSeconds ?? 0)} s`,
    differ: result.scenarios.filter(({ verdict }) => verdict !== "pass").length,
  });
  expect(
    result.scenarios.map(({ verdict }) => verdict),
    said,
  ).toEqual(Array.from({ length: 6 }, () => "pass"));
});
