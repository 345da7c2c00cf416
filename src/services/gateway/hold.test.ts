import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../clock/virtual-clock.ts";
import { stream } from "../../seed/seed.ts";
import { type Admission, type HoldEvent, HoldLimits, Lane, type Ticket } from "./hold.ts";

const us = (seconds: number): number => Math.round(seconds * 1e6);

/** A lane in virtual time, with a backend that is up or down and takes `workSeconds` to answer. */
function setUp(
  given: {
    perTenant?: number;
    total?: number;
    bytes?: number;
    holdSeconds?: number;
    workSeconds?: number;
    /** Requests at once beyond which the breaker is full. */
    breaker?: number;
    maxDirect?: number;
  } = {},
) {
  const clock = new VirtualClock();
  const events: Record<HoldEvent, number> = {
    held: 0,
    requeued: 0,
    released: 0,
    expired: 0,
    refused: 0,
    abandoned: 0,
  };
  const coldStarts: number[] = [];
  const limits = new HoldLimits({
    perTenant: given.perTenant ?? 64,
    total: given.total ?? 4096,
    bytes: given.bytes ?? 64 << 20,
  });
  const lane = new Lane({
    clock,
    random: stream(1, "hold.test"),
    limits,
    holdUs: us(given.holdSeconds ?? 60),
    maxInFlight: 64,
    maxDirect: given.maxDirect ?? 2000,
    on: (event) => events[event]++,
    onColdStart: (durationUs) => coldStarts.push(durationUs / 1e6),
  });
  const backend = { up: false, atOnce: 0, atOnceMax: 0, tries: [] as { seq: number; atSeconds: number }[] };
  const ends = new Map<number, string>();
  let seq = 0;

  /** What a Forwarder does, without the network. */
  const offer = (tenant: string, bytes = 1): { seq: number; leave: () => void } => {
    const leaving = new AbortController();
    const ticket: Ticket = { seq: seq++, tenant, bytes, receivedUs: clock.nowUs(), signal: leaving.signal };
    const run = async (): Promise<void> => {
      let admission: Admission = await lane.admit(ticket);
      while (admission.kind === "go") {
        backend.tries.push({ seq: ticket.seq, atSeconds: clock.nowUs() / 1e6 });
        if (!backend.up) {
          admission = await lane.requeue(ticket, "noUpstream");
          continue;
        }
        if (backend.atOnce >= (given.breaker ?? Infinity)) {
          admission = await lane.requeue(ticket, "overloaded");
          continue;
        }
        backend.atOnce++;
        backend.atOnceMax = Math.max(backend.atOnceMax, backend.atOnce);
        await new Promise<void>((resolve) => clock.at(clock.nowUs() + us(given.workSeconds ?? 0.1), resolve));
        backend.atOnce--;
        ends.set(ticket.seq, "answered");
        lane.done(ticket, true);
        return;
      }
      ends.set(ticket.seq, admission.kind === "refused" ? admission.refusal.reason : admission.kind);
    };
    void run();
    return { seq: ticket.seq, leave: () => leaving.abort() };
  };

  /** Lets topology time pass in steps of 10 ms, with everything that is due in between. */
  const until = async (seconds: number): Promise<void> => {
    for (;;) {
      // Each step of a request is a handful of microtasks.
      for (let i = 0; i < 10; i++) await Promise.resolve();
      if (clock.nowUs() >= us(seconds)) return;
      await clock.runUntil(Math.min(clock.nowUs() + us(0.01), us(seconds)));
    }
  };
  const count = (end: string): number => [...ends.values()].filter((value) => value === end).length;
  return { clock, lane, limits, backend, events, coldStarts, offer, until, ends, count };
}

describe("Lane", () => {
  test("holds 1,000 tenants at once and answers every one, oldest first, at most 64 at a time", async () => {
    const it = setUp();
    for (let i = 0; i < 1000; i++) it.offer(`t${i}`);
    await it.until(0);
    expect([it.lane.held, it.limits.held]).toEqual([1000, 1000]);
    await it.until(8);
    it.backend.up = true;
    await it.until(20);
    expect(it.count("answered")).toBe(1000);
    expect(it.backend.atOnceMax).toBe(64);
    expect([it.lane.held, it.lane.inFlight, it.limits.held, it.limits.heldBytes]).toEqual([0, 0, 0, 0]);
    const served = it.backend.tries.slice(-999).map(({ seq }) => seq);
    expect(served).toEqual(served.toSorted((a, b) => a - b));
  });

  test("tries only the oldest again, every 250 ms ± a fifth", async () => {
    const it = setUp();
    for (let i = 0; i < 50; i++) it.offer(`t${i}`);
    await it.until(30);
    const again = it.backend.tries.slice(50);
    expect(new Set(again.map(({ seq }) => seq))).toEqual(new Set([0]));
    const gaps = again.slice(1).map(({ atSeconds }, i) => atSeconds - again[i]!.atSeconds);
    // Virtual time is let pass in steps of 10 ms, which the next try counts from.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.2);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(0.31);
    expect(new Set(gaps.map((gap) => gap.toFixed(3))).size).toBeGreaterThan(5);
  });

  test("sends a request at once where nothing waits", async () => {
    const it = setUp();
    it.backend.up = true;
    it.offer("a");
    await it.until(0.2);
    expect([it.count("answered"), it.events.held]).toEqual([1, 0]);
  });

  test("tries no more at once than there are connections; the rest need not find out for themselves", async () => {
    const it = setUp({ maxDirect: 10 });
    for (let i = 0; i < 100; i++) it.offer(`t${i}`);
    await it.until(0.1);
    expect([it.backend.tries.length, it.lane.held]).toEqual([10, 100]);
    it.backend.up = true;
    await it.until(2);
    expect(it.count("answered")).toBe(100);
  });

  test("with a pod there, those who wait for a connection go as soon as there is one", async () => {
    const it = setUp({ maxDirect: 100, workSeconds: 1 });
    it.backend.up = true;
    for (let i = 0; i < 150; i++) it.offer(`t${i}`);
    await it.until(1.1);
    expect([it.count("answered"), it.lane.inFlight]).toEqual([100, 50]);
    for (let i = 0; i < 150; i++) it.offer(`u${i}`);
    await it.until(1.2);
    // Not 64: nobody was held for want of a pod.
    expect(it.lane.inFlight).toBe(100);
  });

  test("lets nobody overtake those who wait", async () => {
    const it = setUp();
    it.offer("a");
    await it.until(0.1);
    it.backend.up = true;
    it.offer("b");
    await it.until(0.11);
    expect(it.backend.tries.map(({ seq }) => seq)).toEqual([0]);
    await it.until(1);
    expect(it.backend.tries.map(({ seq }) => seq)).toEqual([0, 0, 1]);
  });

  test("lets nobody overtake those who wait for a place in flight", async () => {
    const it = setUp({ workSeconds: 1 });
    for (let i = 0; i < 100; i++) it.offer(`t${i}`);
    await it.until(1);
    it.backend.up = true;
    await it.until(2.6);
    // The oldest was answered and 64 more are in flight; 35 wait for one of them to end.
    expect([it.lane.inFlight, it.lane.held]).toEqual([64, 35]);
    it.offer("late");
    await it.until(2.7);
    expect([it.lane.inFlight, it.lane.held]).toEqual([64, 36]);
    await it.until(6);
    expect(it.backend.tries.at(-1)?.seq).toBe(100);
  });

  test("puts what a full breaker refused back at its place, and answers all in the end", async () => {
    const it = setUp({ breaker: 20 });
    it.backend.up = true;
    for (let i = 0; i < 200; i++) it.offer(`t${i}`);
    await it.until(0);
    expect(it.events.held).toBe(180);
    await it.until(60);
    expect(it.count("answered")).toBe(200);
    expect(it.coldStarts).toEqual([]);
    expect(it.events).toMatchObject({ held: 180, released: 180 + it.events.requeued });
  });

  test("counts a request once as held, however often it is tried, and keeps its place meanwhile", async () => {
    const it = setUp({ total: 1 });
    it.offer("a");
    await it.until(10);
    it.offer("b");
    await it.until(10.01);
    expect(it.ends.get(1)).toBe("hold_total_limit");
    expect([it.backend.tries.length > 20, it.lane.held, it.limits.held]).toEqual([true, 1, 1]);
    it.backend.up = true;
    await it.until(11);
    expect(it.ends.get(0)).toBe("answered");
    expect(it.events).toEqual({ held: 1, requeued: 0, released: 1, expired: 0, refused: 1, abandoned: 0 });
    expect(it.limits.held).toBe(0);
  });

  test("refuses what was held too long with 504, however often it was tried", async () => {
    const it = setUp({ holdSeconds: 60 });
    it.offer("a");
    await it.until(59.9);
    it.offer("b");
    expect(it.ends.size).toBe(0);
    await it.until(60.3);
    expect([it.ends.get(0), it.ends.get(1)]).toEqual(["hold_expired", undefined]);
    await it.until(120.3);
    expect(it.ends.get(1)).toBe("hold_expired");
    expect(it.limits.held).toBe(0);
  });

  const limits = [
    ["64 of one tenant", { perTenant: 2 }, ["a", "a", "a", "b"], ["hold_tenant_limit"], 3],
    ["so many in all", { total: 3 }, ["a", "b", "c", "d", "e"], ["hold_total_limit", "hold_total_limit"], 3],
    ["so many bytes", { bytes: 25 }, ["a", "b", "c"], ["hold_bytes_limit"], 2],
  ] as const;
  test.each(limits)("holds no more than %s", async (_name, given, tenants, refused, held) => {
    const it = setUp(given);
    for (const tenant of tenants) it.offer(tenant, 10);
    await it.until(0.01);
    expect([...it.ends.values()]).toEqual(refused);
    expect(it.limits.held).toBe(held);
  });

  test("forgets a request whose client leaves, and goes on with the next", async () => {
    const it = setUp();
    const first = it.offer("a");
    it.offer("b");
    await it.until(1);
    first.leave();
    await it.until(1.5);
    expect(it.ends.get(first.seq)).toBe("abandoned");
    expect(it.backend.tries.at(-1)?.seq).toBe(1);
    it.backend.up = true;
    await it.until(2.5);
    expect(it.ends.get(1)).toBe("answered");
  });

  test("measures a cold start from the first request that met no pod to the first answer", async () => {
    const it = setUp();
    it.offer("a");
    await it.until(3);
    it.offer("b");
    await it.until(10);
    it.backend.up = true;
    await it.until(12);
    expect(it.coldStarts).toHaveLength(1);
    expect(it.coldStarts[0]).toBeGreaterThanOrEqual(10);
    expect(it.coldStarts[0]).toBeLessThan(10.5);
    expect(it.lane.lastZeroUs).toBeGreaterThan(us(9));
  });

  test("does not count the pause between two cold starts that nobody waited through", async () => {
    const it = setUp({ holdSeconds: 5 });
    it.offer("a");
    await it.until(100);
    it.offer("b");
    await it.until(102);
    it.backend.up = true;
    await it.until(104);
    expect(it.coldStarts[0]).toBeLessThan(3);
  });

  test("ends: whoever waits or comes to wait is refused", async () => {
    const it = setUp();
    it.offer("a");
    await it.until(1);
    it.lane.end({ status: 503, reason: "draining", message: "" });
    it.offer("b");
    await it.until(1.1);
    expect([...it.ends.values()]).toEqual(["draining", "draining"]);
    expect([it.limits.held, it.lane.inFlight]).toEqual([0, 0]);
  });
});
