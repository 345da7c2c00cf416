import { describe, expect, test } from "vitest";
import { debounceCheck, debounceEvent, debouncePushed, newDebounce } from "./debounce.ts";

const ms = (value: number): number => value * 1000;

/** Events at these milliseconds; a push takes `pushMs`. When each push began. */
function pushes(eventsMs: readonly number[], pushMs = 0): number[] {
  let state = newDebounce();
  const events = [...eventsMs];
  const begun: number[] = [];
  let pushEndsUs: number | null = null;
  for (let nowUs = 0; nowUs <= ms(30_000); nowUs += ms(1)) {
    while (events[0] !== undefined && ms(events[0]) <= nowUs) {
      events.shift();
      state = debounceEvent(state, nowUs);
    }
    const done = pushEndsUs !== null && pushEndsUs <= nowUs;
    if (done) pushEndsUs = null;
    const check = done ? debouncePushed(state, nowUs) : debounceCheck(state, nowUs);
    ({ state } = check);
    if (check.push) {
      begun.push(nowUs / 1000);
      pushEndsUs = nowUs + ms(pushMs);
    }
  }
  return begun;
}

describe("istiod's debounce", () => {
  test("100 ms after a single change", () => expect(pushes([50])).toEqual([150]));
  test("100 ms after the last of several", () => expect(pushes([0, 60, 120, 180])).toEqual([280]));
  test("two apart are two pushes", () => expect(pushes([0, 500])).toEqual([100, 600]));
  test("under constant churn about 10 s after the first", () => {
    const churn = Array.from({ length: 300 }, (_, index) => index * 50);
    const [first] = pushes(churn);
    expect(first).toBeGreaterThanOrEqual(10_000);
    expect(first).toBeLessThanOrEqual(10_100);
  });
  test("one push at a time: what comes meanwhile goes out when it ends", () => {
    expect(pushes([0, 150], 1000)).toEqual([100, 1100]);
    expect(pushes([0, 1050], 1000)).toEqual([100, 1150]);
  });
  test("nothing is pushed without a change", () => expect(pushes([])).toEqual([]));
});
