/** A thousand tenants at once, from nothing: all are kept, all are answered, in the memory of a small machine. */
import { expect, test } from "vitest";
import { checkNamed, eventsOf, limpetTest, ofType, onlyScenario } from "./kit.ts";

const GIB = 2 ** 30;

test("one GET from each of 1,000 tenants within a second, from zero: 1,000 answers, none refused, under 1 GiB", async () => {
  const tested = await limpetTest(["burst", "--seed", "4"]);
  const scenario = onlyScenario(tested);
  expect(scenario.verdict, tested.said).toBe("pass");
  expect(tested.code).toBe(0);
  expect(checkNamed(scenario, "requests answered")).toMatchObject({ measured: 1000, samples: 1000 });

  const events = await eventsOf(tested.result.folder);
  const counting = events.slice(events.findLastIndex(({ type }) => type === "topology"));
  const rows = ofType(counting, "request");
  expect(rows).toHaveLength(1000);
  expect(new Set(rows.map(({ tenant }) => tenant)).size).toBe(1000);
  for (const row of rows) expect(row).toMatchObject({ method: "GET", outcome: "answer", status: 200 });
  const times = rows.map(({ scheduledAtUs }) => scheduledAtUs);
  expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1e6);
  // From zero: they came before the first pod was ready.
  const firstReadyUs = ofType(counting, "pod").find(
    ({ tier, what, atUs }) => tier === "small" && what === "ready" && atUs > Math.min(...times),
  )!.atUs;
  expect(Math.max(...times)).toBeLessThan(firstReadyUs);

  const { pssBytesPeak, realSeconds } = tested.result;
  const slowest = Math.max(...rows.map(({ latencyUs }) => latencyUs)) / 1e6;
  console.log(
    `burst: ${rows.length} answers, 0 refused, first ${checkNamed(scenario, "first response").measured} s, last ${slowest.toFixed(1)} s after its arrival; ` +
      `peak PSS ${Math.round(pssBytesPeak! / 2 ** 20)} MiB; ${Math.round(realSeconds!)} s real`,
  );
  if (process.platform === "linux") expect(pssBytesPeak).toBeGreaterThan(50 * 2 ** 20);
  expect(pssBytesPeak).toBeLessThan(GIB);
});
