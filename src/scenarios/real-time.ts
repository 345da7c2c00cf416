/** What an engine with real requests cannot send: told before anything starts. */
import { expectedRequests, type Plan } from "./plan.ts";

/** Beyond these one machine would measure itself, not the topology. */
const MAX_TENANTS = 100_000;
const MAX_REQUESTS_A_SECOND = 2_000;
/** A burst is spread over at least this, in the queues of client and gateway. */
const LEAST_SECONDS = 10;

/** One line for each load that is too much at this speed. */
export function beyondRealTime(plans: readonly Plan[], speed: number): string[] {
  return plans.flatMap((plan) =>
    plan.steps
      .flatMap(({ loads }) => loads)
      .flatMap((load) => {
        const seconds = Math.max(LEAST_SECONDS, load.durationUs / 1e6 / speed);
        const rate = Math.round(expectedRequests(load) / seconds);
        const where = `${plan.file}: load "${load.name}"`;
        const instead = "--engine simulated takes it";
        if (load.tenants > MAX_TENANTS)
          return `${where} has ${load.tenants} tenants; with real requests at most ${MAX_TENANTS} are sent. ${instead}`;
        if (rate <= MAX_REQUESTS_A_SECOND) return [];
        const slower = speed > 1 ? `, a lower --speed makes it less` : "";
        return `${where} is ${rate} requests in a real second at speed ${speed}; at most ${MAX_REQUESTS_A_SECOND} are sent. ${instead}${slower}`;
      }),
  );
}
