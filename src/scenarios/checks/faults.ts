/** After something was killed: is it back, do answers come again, do tenants return to one pod each. */
import type { FaultEvent } from "../../events/types.ts";
import { scalingCause } from "../causes.ts";
import { counted, percent, seconds } from "../words.ts";
import { byTenant, mainPod, ownersChanged } from "./affinity.ts";
import { defineCheck, failed, passed, undecided, type CheckInput } from "./check.ts";

const NO_FAULT = "no fault was brought about";

const faultOf = ({ evidence }: CheckInput): FaultEvent | null => evidence.of("fault")[0] ?? null;

/** When what was killed served again: a tier's ready pods as many as before, or the entry's pod ready. */
function backAtUs({ evidence, tier }: CheckInput, fault: FaultEvent): number | null {
  if (fault.fault === "killPod" || fault.fault === "deletePod") {
    const before = evidence.readyAt(tier, fault.orderedAtUs - 1);
    const after = evidence.readySets(tier).filter(({ atUs }) => atUs >= fault.orderedAtUs);
    const dropped = after.findIndex(({ ready }) => ready.length < before);
    if (dropped < 0) return null;
    return after.slice(dropped).find(({ ready }) => ready.length >= before)?.atUs ?? null;
  }
  return (
    evidence.of("pod").find((e) => e.tier === null && e.what === "ready" && e.atUs >= fault.orderedAtUs)
      ?.atUs ?? null
  );
}

export const podBack = defineCheck({
  kind: "podBack",
  title: "killed pod ready again",
  about: "Seconds from the fault until as many pods are ready as before it.",
  numbers: { within: { about: "Seconds." } },
  timed: true,
  measure(input) {
    const fault = faultOf(input);
    const facts = {
      limit: `≤ ${input.numbers.within} s`,
      unit: "s",
      samples: fault ? 1 : 0,
      interval: input.interval,
    };
    if (!fault) return undecided({ ...facts, measured: null }, NO_FAULT);
    const backUs = backAtUs(input, fault);
    const end = input.evidence.stepEndUs(input.loads[0]!.step) ?? fault.atUs;
    const span = { fromUs: fault.orderedAtUs, toUs: backUs ?? end };
    if (backUs === null) {
      return failed(
        { ...facts, measured: `none in ${seconds(span.toUs - span.fromUs)} s`, interval: span },
        `${fault.target} did not come back`,
        scalingCause(input.evidence, input.tier, span),
      );
    }
    const measured = seconds(backUs - fault.orderedAtUs);
    const found = { ...facts, measured, interval: span };
    return measured <= input.numbers.within
      ? passed(found, fault.target)
      : failed(found, `${fault.target} came back late`);
  },
});

export const answersAgain = defineCheck({
  kind: "answersAgain",
  title: "answers again after the fault",
  about: "Seconds from the fault to the next answer of a request that was sent after it.",
  numbers: { within: { about: "Seconds." } },
  timed: true,
  measure(input) {
    const { evidence, loads, numbers } = input;
    const fault = faultOf(input);
    const facts = { limit: `≤ ${numbers.within} s`, unit: "s", samples: 0, interval: input.interval };
    if (!fault) return undecided({ ...facts, measured: null }, NO_FAULT);
    const rows = evidence.rows(loads);
    if (!rows) return undecided({ ...facts, measured: null }, "the log holds only a sample of the requests");
    const after = rows.filter((row) => row.outcome === "answer" && row.scheduledAtUs > fault.atUs);
    const samples = after.length;
    if (samples === 0) {
      return failed(
        { ...facts, measured: null, samples },
        `no answer to a request sent after ${fault.fault} ${fault.target}`,
      );
    }
    const firstUs = Math.min(...after.map(({ atUs }) => atUs));
    const measured = seconds(firstUs - fault.orderedAtUs);
    const found = { ...facts, measured, samples, interval: { fromUs: fault.orderedAtUs, toUs: firstUs } };
    return measured <= numbers.within ? passed(found) : failed(found, "answers came late");
  },
});

export const tenantsReturn = defineCheck({
  kind: "tenantsReturn",
  title: "tenants on one pod after the fault",
  about: "Of the tenants answered once everything is back: how many stay on one pod from then on.",
  numbers: {
    afterSeconds: { about: "Seconds after things are back from which answers count.", default: 5 },
    tenants: { about: "Fewer tenants than this prove nothing.", default: 4 },
  },
  measure(input) {
    const { evidence, loads, tier, numbers, interval } = input;
    const fault = faultOf(input);
    const facts = { limit: "100 %", unit: "%", interval };
    if (!fault) return undecided({ ...facts, measured: null, samples: 0 }, NO_FAULT);
    const rows = evidence.rows(loads);
    if (!rows)
      return undecided(
        { ...facts, measured: null, samples: 0 },
        "the log holds only a sample of the requests",
      );
    const backUs = fault.fault === "killSidecar" ? fault.atUs : backAtUs(input, fault);
    if (backUs === null)
      return failed({ ...facts, measured: null, samples: 0 }, `${fault.target} did not come back`);
    const fromUs = backUs + numbers.afterSeconds * 1e6;
    const tenants = [...byTenant(rows.filter(({ sentAtUs }) => sentAtUs >= fromUs)).values()];
    const samples = tenants.length;
    const before = byTenant(rows.filter(({ atUs }) => atUs <= fault.orderedAtUs));
    if (samples < numbers.tenants) {
      const seen = `too few samples: ${counted(samples, "tenant")} answered after it was back, ${numbers.tenants} needed`;
      return undecided({ ...facts, measured: null, samples }, seen);
    }
    const one = tenants.filter((answers) => mainPod(answers).count === answers.length).length;
    const measured = percent(one, samples);
    if (one < samples) {
      const seen = `${counted(samples - one, "tenant")} changed pods after it was back`;
      return failed({ ...facts, measured, samples }, seen, ownersChanged(evidence, tier, "owners changed"));
    }
    const home = tenants.filter((answers) => {
      const then = before.get(answers[0]!.tenant);
      return then && mainPod(then).pod === answers[0]!.pod;
    }).length;
    return passed(
      { ...facts, measured, samples },
      `${home} of ${counted(samples, "tenant")} on the pod of before the fault`,
    );
  },
});
