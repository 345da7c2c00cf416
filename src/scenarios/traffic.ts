/**
 * Scenario and seed in, arrivals out: open loop, in order of time, whole microseconds. The same for every engine, so that
 * runs on two engines can be compared request by request.
 */
import FlatQueue from "flatqueue";
import type { Arrival } from "../engines/engine.ts";
import { exponential } from "../seed/exponential.ts";
import { stream, type Random } from "../seed/seed.ts";
import type { PlannedLoad } from "./plan.ts";

const SECOND_US = 1e6;

/** Times of one tenant's requests, microseconds from the load's start, ascending. Endless where `requests` ends it. */
function* tenantTimes(load: PlannedLoad, random: Random): Generator<number> {
  const periodUs = SECOND_US / load.rate;
  switch (load.pattern) {
    case "constant": {
      const phaseUs = random.float() * periodUs;
      for (let k = 0; ; k++) yield phaseUs + k * periodUs;
    }
    case "poisson": {
      for (let atUs = 0; ;) {
        atUs += exponential(random) * periodUs;
        yield atUs;
      }
    }
    case "burst": {
      const times = Array.from({ length: load.requests ?? 1 }, () => random.float() * load.durationUs);
      yield* times.sort((a, b) => a - b);
      return;
    }
    case "onOff": {
      const phaseUs = random.float() * periodUs;
      // Time counts only while on; each full stretch of it is followed by a pause.
      for (let k = 0; ; k++) {
        const onTimeUs = phaseUs + k * periodUs;
        yield onTimeUs + Math.floor(onTimeUs / load.onUs) * load.offUs;
      }
    }
    case "ramp": {
      const phase = random.float();
      // The rate grows evenly from 0, so k + phase requests have come after the root of twice that area.
      for (let k = 0; ; k++) yield Math.sqrt(2 * load.durationUs * (k + phase) * periodUs);
    }
  }
}

function* boundedTimes(load: PlannedLoad, random: Random): Generator<number> {
  let count = 0;
  for (const time of tenantTimes(load, random)) {
    const atUs = Math.floor(time);
    if (load.requests !== null ? count++ >= load.requests : atUs >= load.durationUs) return;
    yield atUs;
  }
}

export const tenantName = (load: Pick<PlannedLoad, "prefix">, index: number): string =>
  `${load.prefix}-${index + 1}`;

type Source = {
  readonly load: PlannedLoad;
  readonly tenant: string;
  readonly times: Generator<number>;
  sent: number;
};

/**
 * All arrivals of a step that begins at `baseUs`. Lazy: memory is one entry a tenant, however long it lasts.
 *
 * @param name the scenario and step: streams of chance are named by it, the load and the tenant.
 */
export function* arrivals(
  name: string,
  loads: readonly PlannedLoad[],
  seed: number,
  baseUs: number,
): Generator<Arrival> {
  const sources: Source[] = [];
  const due = new FlatQueue();
  const enqueue = (index: number): void => {
    const next = sources[index]!.times.next();
    if (!next.done) due.push(index, sources[index]!.load.startUs + next.value);
  };
  for (const load of loads) {
    for (let index = 0; index < load.tenants; index++) {
      const tenant = tenantName(load, index);
      const random = stream(seed, `traffic/${name}/${load.name}/${tenant}`);
      sources.push({ load, tenant, times: boundedTimes(load, random), sent: 0 });
      enqueue(sources.length - 1);
    }
  }
  for (;;) {
    const atUs = due.peekValue();
    const index = due.pop();
    if (atUs === undefined || index === undefined) return;
    const source = sources[index]!;
    const { load, tenant } = source;
    source.sent++;
    yield {
      atUs: baseUs + atUs,
      tenant,
      tier: load.tier,
      gateway: load.gateway,
      method: load.method,
      ...(load.idempotent && load.method === "POST"
        ? { idempotencyKey: `${name}/${load.name}/${tenant}/${source.sent}`.replaceAll(" ", "-") }
        : {}),
      load: load.name,
    };
    enqueue(index);
  }
}
