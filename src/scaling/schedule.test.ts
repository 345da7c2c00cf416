import { expect, test } from "vitest";
import {
  firstHpaSyncAtUs,
  hpaEditSyncAtUs,
  nextHpaSyncAtUs,
  nextPollAtUs,
  queryTimeUnixSeconds,
  reconcileRetryAfterUs,
} from "./schedule.ts";
import { seconds } from "./testing.ts";

test("P15 a sample at 5.700 is not visible to a query issued at 5.900, from 6.000 on it is", () => {
  const sampleAt = 100 + 5.7;
  const visible = (now: number): boolean => queryTimeUnixSeconds(seconds(now), 100) >= sampleAt;
  expect([visible(5.9), visible(6)]).toEqual([false, true]);
});

test("the poll's period is counted from its start, and a long check is followed at once", () => {
  expect(nextPollAtUs({ pollingInterval: 10 }, seconds(20.02), seconds(20.1))).toBe(seconds(30.02));
  expect(nextPollAtUs({ pollingInterval: 10 }, seconds(20), seconds(36))).toBe(seconds(36));
  expect(nextPollAtUs({}, 0, 0)).toBe(seconds(30));
});

test("a new HPA is first looked at after 15 s, since 1.37 at once, and so is an edit", () => {
  expect(firstHpaSyncAtUs(seconds(7), { kubernetes: "1.36" })).toBe(seconds(22));
  expect(firstHpaSyncAtUs(seconds(7))).toBe(seconds(7));
  expect(hpaEditSyncAtUs(seconds(7), { kubernetes: "1.36" })).toBeNull();
  expect(hpaEditSyncAtUs(seconds(7))).toBe(seconds(7));
  expect(nextHpaSyncAtUs(seconds(7.01))).toBe(seconds(22.01));
});

test("a failing reconcile waits 5 ms, doubling to 1000 s", () => {
  expect([0, 1, 2, 3, 18, 19, 60].map(reconcileRetryAfterUs)).toEqual([
    0,
    5000,
    10_000,
    20_000,
    655_360_000,
    seconds(1000),
    seconds(1000),
  ]);
});
