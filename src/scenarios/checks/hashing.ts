/** Consistent hashing: many tenants over several pods, each on one, the same through every gateway. */
import { unansweredCause } from "../causes.ts";
import { routingCause } from "../routing-causes.ts";
import type { CheckInput } from "./check.ts";
import { counted, percent } from "../words.ts";
import { byTenant, mainPod, ownersChanged, steadyStretch } from "./affinity.ts";
import { defineCheck, failed, nothingAnswered, passed, undecided } from "./check.ts";

/** The cause that holds for a tier that got no answers, or too few pods. */
const whyNot = ({ evidence, tier, interval }: CheckInput): ReturnType<typeof unansweredCause> =>
  interval ? unansweredCause(evidence, tier, interval) : null;

export const onePodEach = defineCheck({
  kind: "onePodEach",
  title: "requests to the tenant's own pod",
  about:
    "Of the answers while the set of ready pods stayed the same: how many came from the one pod of their tenant.",
  numbers: {
    atLeast: { about: "Percent.", default: 100 },
    tenants: { about: "Fewer tenants than this prove nothing.", default: 40 },
    requestsEach: { about: "Fewer answers to each tenant prove nothing.", default: 100 },
  },
  measure(input) {
    const { evidence, loads, tier, numbers } = input;
    const load = loads[0]!;
    const stretch = steadyStretch(evidence, load);
    const facts = {
      limit: numbers.atLeast === 100 ? "100 %" : `≥ ${numbers.atLeast} %`,
      unit: "%",
      interval: stretch,
    };
    const all = evidence.rows([load]);
    if (all === null) {
      return undecided(
        { ...facts, measured: null, samples: 0 },
        "the log holds only a sample of the requests",
      );
    }
    const inside = all.filter(
      ({ atUs, sentAtUs }) => stretch && sentAtUs >= stretch.fromUs && atUs <= stretch.toUs,
    );
    const tenants = [...byTenant(inside).values()];
    const samples = tenants.reduce((total, rows) => total + rows.length, 0);
    if (samples === 0)
      return nothingAnswered({ ...facts, measured: null, samples }, all.length, whyNot(input));
    const own = tenants.reduce((total, rows) => total + mainPod(rows).count, 0);
    const measured = percent(own, samples);
    const few = Math.min(...tenants.map((rows) => rows.length));
    if ((own / samples) * 100 < numbers.atLeast) {
      const spread = tenants.filter((rows) => mainPod(rows).count < rows.length).length;
      const seen = `owners changed: ${spread} of ${counted(tenants.length, "tenant")} were answered by more than one pod`;
      return failed({ ...facts, measured, samples }, seen, ownersChanged(evidence, tier, "owners changed"));
    }
    if (tenants.length < numbers.tenants || few < numbers.requestsEach) {
      return undecided(
        { ...facts, measured, samples },
        `too few samples while the pods stayed the same: ${counted(tenants.length, "tenant")} of ${numbers.tenants}, ${few} answers to one of them, ${numbers.requestsEach} needed`,
      );
    }
    return passed({ ...facts, measured, samples }, counted(tenants.length, "tenant"));
  },
});

export const podsUsed = defineCheck({
  kind: "podsUsed",
  title: "pods that answered",
  about: "How many pods the tenants were spread over: all on one pod is no proof of hashing.",
  numbers: { atLeast: { about: "Pods.", default: 3 } },
  measure(input) {
    const { evidence, loads, tier, numbers, interval } = input;
    const { pods, answers, offered } = evidence.requests(loads);
    const facts = {
      measured: pods.length,
      limit: `≥ ${numbers.atLeast}`,
      unit: "pods",
      samples: answers,
      interval,
    };
    if (answers === 0) return nothingAnswered(facts, offered, whyNot(input));
    if (pods.length >= numbers.atLeast) return passed(facts);
    const tenants = Math.max(...loads.map((load) => load.tenants));
    const ready = interval ? evidence.readyAt(tier, interval.toUs) : 0;
    if (ready < numbers.atLeast) {
      return failed(facts, `only ${counted(ready, "pod")} ready`, whyNot(input));
    }
    const seen = `all of ${counted(tenants, "tenant")} on ${pods.length} of ${ready} ready pods`;
    return failed(facts, seen, routingCause(evidence, tier));
  },
});

export const sameOwner = defineCheck({
  kind: "sameOwner",
  title: "same pod through a second gateway",
  about: "Of the tenants that two loads share: how many have the same pod in both.",
  numbers: { tenants: { about: "Fewer tenants than this prove nothing.", default: 40 } },
  comparesLoads: true,
  measure(input) {
    const { evidence, loads, other, tier, numbers, interval } = input;
    const facts = { limit: "100 %", unit: "%", interval };
    const rows = evidence.rows([loads[0]!]);
    const otherRows = other && evidence.rows([other]);
    if (!rows || !otherRows) {
      return undecided(
        { ...facts, measured: null, samples: 0 },
        "the log holds only a sample of the requests",
      );
    }
    const here = byTenant(rows);
    const shared = [...byTenant(otherRows)].filter(([tenant]) => here.has(tenant));
    const samples = shared.length;
    if (samples === 0)
      return nothingAnswered({ ...facts, measured: null, samples }, otherRows.length, whyNot(input));
    const same = shared.filter(
      ([tenant, there]) => mainPod(here.get(tenant)!).pod === mainPod(there).pod,
    ).length;
    const measured = percent(same, samples);
    if (same < samples) {
      const seen = `${counted(samples - same, "tenant")} had another pod through the second gateway`;
      return failed({ ...facts, measured, samples }, seen, ownersChanged(evidence, tier, "owners differed"));
    }
    if (samples < numbers.tenants) {
      return undecided(
        { ...facts, measured, samples },
        `too few samples: ${samples} tenants, ${numbers.tenants} needed`,
      );
    }
    return passed({ ...facts, measured, samples }, counted(samples, "tenant"));
  },
});
