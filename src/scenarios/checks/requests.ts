/** Counts of requests: lost, lost although they may be repeated, answered of all, lost with no limit. */
import type { RequestSums } from "../evidence.ts";
import { unansweredCause } from "../causes.ts";
import { counted } from "../words.ts";
import {
  defineCheck,
  failed,
  nothingAnswered,
  passed,
  reported,
  undecided,
  type CheckInput,
  type Measured,
} from "./check.ts";

function topCauses(sums: RequestSums): string {
  const named = sums.causes.slice(0, 3).map(({ cause, count }) => `${cause} ×${count}`);
  return named.length === 0 ? "" : `not answered: ${named.join(", ")}`;
}

function lostAtMost(input: CheckInput<"atMost">, sums: RequestSums): Measured {
  const { atMost } = input.numbers;
  const facts = {
    measured: sums.lost,
    of: sums.offered,
    limit: atMost === 0 ? "0" : `≤ ${atMost}`,
    unit: "requests",
    samples: sums.offered,
    interval: input.interval,
  };
  if (sums.lost > atMost) return failed(facts, topCauses(sums));
  if (sums.answers === 0) {
    const cause = input.interval && unansweredCause(input.evidence, input.tier, input.interval);
    return undecided(facts, nothingAnswered(facts, sums.offered, cause).reason);
  }
  return passed(facts, sums.refused === 0 ? "" : `refused: ${sums.refused}; ${topCauses(sums)}`);
}

const atMost = { atMost: { about: "How many may be lost.", default: 0 } };

export const requestsLost = defineCheck({
  kind: "requestsLost",
  title: "requests lost",
  about: "Requests offered while a pod was ready, or held within the limits, that got no 2xx naming its pod.",
  numbers: atMost,
  measure: (input) => lostAtMost(input, input.evidence.requests(input.loads)),
});

export const idempotentRequestsLost = defineCheck({
  kind: "idempotentRequestsLost",
  title: "idempotent requests lost",
  about: "Like requestsLost, over the loads that may be repeated: GET, and POST with an Idempotency-Key.",
  numbers: atMost,
  measure(input) {
    const loads = input.loads.filter((load) => load.method === "GET" || load.idempotent);
    return lostAtMost(input, input.evidence.requests(loads));
  },
});

export const requestsLostReported = defineCheck({
  kind: "requestsLostReported",
  title: "requests lost",
  about: "How many were lost, with no limit: what was in flight in a gateway that was killed.",
  numbers: {},
  measure({ evidence, loads, interval }) {
    const sums = evidence.requests(loads);
    const facts = {
      measured: sums.lost,
      of: sums.offered,
      unit: "requests",
      samples: sums.offered,
      interval,
    };
    return reported(facts, topCauses(sums));
  },
});

export const allAnswered = defineCheck({
  kind: "allAnswered",
  title: "requests answered",
  about: "Every request that was planned got a 2xx that names its pod; none refused, none lost.",
  numbers: { requests: { about: "How many were planned.", default: "tenants" } },
  measure({ evidence, loads, tier, numbers, interval }) {
    const sums = evidence.requests(loads);
    const facts = {
      measured: sums.answers,
      of: numbers.requests,
      limit: "all",
      unit: "requests",
      samples: sums.offered,
      interval,
    };
    const seen = `${counted(sums.refused, "request")} refused, ${sums.lost} lost; ${topCauses(sums)}`;
    if (sums.answers === numbers.requests && sums.offered === numbers.requests) return passed(facts);
    if (sums.answers > 0 || !interval) return failed(facts, seen);
    return failed(facts, seen, unansweredCause(evidence, tier, interval));
  },
});
