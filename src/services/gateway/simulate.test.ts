import { assert, constantFrom, integer, nat, property } from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import { stream } from "../../seed/seed.ts";
import { PATTERNS, plannedSeconds } from "./simulate.ts";
import { answerJson, answerNoHealthyUpstream, Started } from "./testing.ts";

const started = new Started();
/** However busy the machine is. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 });
afterEach(() => started.end());

describe("plannedSeconds()", () => {
  const rows = [
    ["constant", 4, [0, 1, 2, 3]],
    ["constant", 2.5, [0, 1, 2]],
    ["burst", 12, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 10]],
    ["on-off", 11, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 10, 10.5]],
  ] as const;
  test.each(rows)("%s for %d s", (pattern, seconds, expected) => {
    expect(plannedSeconds(pattern, seconds, stream(1, "x"))).toEqual(expected);
  });

  test("is in order, inside the duration, about one a second, and the same for the same seed", () => {
    const seconds = integer({ min: 100, max: 600 });
    assert(
      property(constantFrom(...PATTERNS), seconds, nat(), (pattern, duration, seed) => {
        const due = plannedSeconds(pattern, duration, stream(seed, "x"));
        expect(due).toEqual(plannedSeconds(pattern, duration, stream(seed, "x")));
        expect(due.every((at, i) => at >= (due[i - 1] ?? 0) && at < duration)).toBe(true);
        expect(due.length / duration).toBeGreaterThan(0.5);
        expect(due.length / duration).toBeLessThan(1.6);
      }),
    );
  });
});

describe("/simulate/{tenant}", () => {
  const on = { SIMULATE_ENABLED: "true" };

  test("sends one request a second, whatever becomes of them, and tells what became of them", async () => {
    let seen = 0;
    const backend = await started.backend((_req, res) => {
      seen++;
      if (seen % 5 === 0) answerJson(res, 500, {});
      else answerJson(res, 200, { pod: seen < 10 ? "p0" : "p1" });
    });
    const { call, samples } = await started.gateway(
      { ...on, BACKEND_SERVICE: backend.url, ANSWER_DEADLINE_SECONDS: "600" },
      startWallClock(10),
    );
    const { status, json } = await call("/simulate/tenant-a?duration=20");
    expect(status).toBe(200);
    expect(json()).toMatchObject({
      tenant_id: "tenant-a",
      requests: 16,
      attempts: 20,
      failures: { status_500: 4 },
      pods: [
        { pod: "p0", requests: 8 },
        { pod: "p1", requests: 8 },
      ],
      switches: 1,
      cancelled: false,
    });
    expect(json()["time_to_first_success_seconds"]).toBeLessThan(20);
    // Through the front door: counted like anybody's.
    expect(await samples("test_requests_total")).toEqual(['{tenant_id="tenant-a",tier="small"} 20']);
  });

  test("from zero: every request is held and answered, none is a failure", async () => {
    let up = false;
    const backend = await started.backend((_req, res) =>
      up ? answerJson(res, 200, { pod: "p0" }) : answerNoHealthyUpstream(res),
    );
    const { call, samples } = await started.gateway(
      // At speed 20 the usual 60 s of hold are 3 s here, which a busy machine can spend on something else.
      { ...on, BACKEND_SERVICE: backend.url, HOLD_SECONDS: "3600", ANSWER_DEADLINE_SECONDS: "600" },
      startWallClock(20),
    );
    const simulation = call("/simulate/a?duration=15");
    // Five, or as many more as a stalled machine sends at once.
    await eventually(async () =>
      Number((await samples("test_held_requests"))[0]?.split(" ").at(-1)),
    ).toBeGreaterThanOrEqual(5);
    up = true;
    const { json } = await simulation;
    expect(json()).toMatchObject({ requests: 15, attempts: 15, failures: {} });
    expect(json()["time_to_first_success_seconds"]).toBeGreaterThan(3);
  });

  const refusals = [
    ["a duration of 0", "/simulate/a?duration=0", 400],
    ["a negative duration", "/simulate/a?duration=-5", 400],
    ["a duration beyond the maximum", "/simulate/a?duration=3601", 400],
    ["a duration that is no number", "/simulate/a?duration=long", 400],
    ["an empty duration", "/simulate/a?duration=", 400],
    ["an unknown pattern", "/simulate/a?pattern=wild", 400],
    ["a malformed tenant", "/simulate/a%20b", 400],
    ["no tenant", "/simulate/", 400],
  ] as const;
  test.each(refusals)("refuses %s", async (_name, path, status) => {
    const { call } = await started.gateway(on);
    expect((await call(path)).status).toBe(status);
  });

  test("runs so many at once; one whose client leaves makes room, and shutdown ends the rest", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { gateway, call, samples } = await started.gateway(
      { ...on, BACKEND_SERVICE: backend.url, SIMULATE_MAX: "2" },
      startWallClock(20),
    );
    const leaving = new AbortController();
    const left = call("/simulate/a?duration=3600", { signal: leaving.signal }).catch(() => "left");
    const stays = call("/simulate/b?duration=3600");
    await eventually(() => samples("test_simulations")).toEqual(["2"]);
    const refused = await call("/simulate/c");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    leaving.abort();
    expect(await left).toBe("left");
    await eventually(() => samples("test_simulations")).toEqual(["1"]);
    const drained = gateway.drain();
    expect((await stays).json()).toMatchObject({ tenant_id: "b", cancelled: true });
    expect(await drained).toBe(0);
  });
});
