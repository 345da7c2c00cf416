/** Whether pods go when they should: not early, not late, and for the metric's reason. */
import type { Decision } from "../../events/types.ts";
import { fallbackCause, readingWords, restCause, unansweredCause } from "../causes.ts";
import type { Interval } from "../evidence.ts";
import { counted, rounded, seconds } from "../words.ts";
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

type Range = { readonly from: number; readonly to: number };

const range = {
  from: { about: "Seconds; not before." },
  to: { about: "Seconds; not after." },
};

const rangeWords = ({ from, to }: Range): string => `${rounded(from)}–${rounded(to)} s`;

/** KEDA's write of `replicas: 0` after the tier's last answer. */
function writeToZero({ evidence, tier }: CheckInput, afterUs: number): Decision | undefined {
  return evidence.decisions(tier).find((d) => d.wrote && d.to === 0 && d.from > 0 && d.atUs > afterUs);
}

function never(
  input: CheckInput,
  facts: Parameters<typeof failed>[0],
  sinceUs: number,
  what: string,
): Measured {
  const end: Interval = { fromUs: sinceUs, toUs: input.evidence.stepEndUs(input.loads[0]!.step) ?? sinceUs };
  const waited = seconds(end.toUs - sinceUs);
  const named = { ...facts, measured: `none in ${waited} s`, interval: end };
  return failed(
    named,
    `${what} in ${waited} s after the last answer`,
    restCause(input.evidence, input.tier, end),
  );
}

function judge(
  range: Range,
  us: number,
  decision: Decision,
  facts: Omit<Parameters<typeof passed>[0], "measured">,
): Measured {
  const measured = seconds(us);
  const found = { ...facts, measured };
  const fallback = fallbackCause(decision);
  if (fallback) return failed(found, "", fallback);
  // Rounded as it is shown, so that the table never shows a figure inside its limits as a failure, or the other way.
  if (measured >= range.from && measured <= range.to) return passed(found);
  const readings = decision.metrics.map(readingWords).join(", ");
  const early = measured < range.from;
  return failed(
    found,
    `${rounded(early ? range.from - measured : measured - range.to)} s too ${early ? "early" : "late"}: ${decision.by === "keda" ? "KEDA" : "the HPA"} wrote ${decision.from} → ${decision.to}, ${decision.reason}${readings === "" ? "" : `; ${readings}`}`,
  );
}

export const toZero = defineCheck({
  kind: "toZero",
  title: "last answer to replicas 0",
  about: "Seconds from the tier's last answer to the write of `replicas: 0`.",
  numbers: range,
  timed: true,
  measure(input) {
    const { evidence, plan, tier, numbers, interval } = input;
    const { lastAnswerUs, offered } = evidence.requestsOfTier(tier, plan);
    const facts = { limit: rangeWords(numbers), unit: "s", samples: 1, interval };
    if (lastAnswerUs === null) {
      const cause = interval && unansweredCause(evidence, tier, interval);
      return nothingAnswered({ ...facts, measured: null, samples: 0 }, offered, cause);
    }
    const write = writeToZero(input, lastAnswerUs);
    if (!write) return never(input, { ...facts, measured: null }, lastAnswerUs, "replicas 0 was not written");
    return judge(numbers, write.atUs - lastAnswerUs, write, {
      ...facts,
      interval: { fromUs: lastAnswerUs, toUs: write.atUs },
    });
  },
});

export const cooldown = defineCheck({
  kind: "cooldown",
  title: "cooldown",
  about: "Seconds from KEDA's last poll that found the tier active to its write of `replicas: 0`.",
  numbers: range,
  timed: true,
  marginSeconds: 1,
  measure(input) {
    const { evidence, plan, tier, numbers, interval } = input;
    const facts = { limit: rangeWords(numbers), unit: "s", samples: 1, interval };
    const { lastAnswerUs, offered } = evidence.requestsOfTier(tier, plan);
    if (lastAnswerUs === null) {
      const cause = interval && unansweredCause(evidence, tier, interval);
      return nothingAnswered({ ...facts, measured: null, samples: 0 }, offered, cause);
    }
    const write = writeToZero(input, lastAnswerUs);
    if (!write) return never(input, { ...facts, measured: null }, lastAnswerUs, "replicas 0 was not written");
    const active = evidence
      .decisions(tier, "keda")
      .findLast((poll) => poll.active === true && poll.atUs < write.atUs);
    if (!active) {
      return undecided(
        { ...facts, measured: null, samples: 0 },
        "too few samples: no poll found the tier active before the write",
      );
    }
    return judge(numbers, write.atUs - active.atUs, write, {
      ...facts,
      interval: { fromUs: active.atUs, toUs: write.atUs },
    });
  },
});

export const podsGone = defineCheck({
  kind: "podsGone",
  title: "pods gone after replicas 0",
  about: "Seconds from the write of `replicas: 0` to the last pod's end; reported, with no limit.",
  numbers: {},
  measure(input) {
    const { evidence, plan, tier, interval } = input;
    const lastAnswerUs = evidence.requestsOfTier(tier, plan).lastAnswerUs;
    const write = lastAnswerUs === null ? undefined : writeToZero(input, lastAnswerUs);
    const facts = { unit: "s", samples: 0, interval };
    if (!write) return reported({ ...facts, measured: null }, "replicas 0 was not written");
    const ends = evidence
      .of("pod")
      .filter(
        (e) => e.tier === tier && e.atUs >= write.atUs && (e.what === "deleted" || e.what === "exited"),
      );
    const lastUs = ends.at(-1)?.atUs;
    if (lastUs === undefined) return reported({ ...facts, measured: null }, "no pod was seen to end");
    const pods = new Set(ends.map(({ pod }) => pod)).size;
    return reported(
      { ...facts, measured: seconds(lastUs - write.atUs), samples: pods },
      counted(pods, "pod"),
    );
  },
});

export const partialScaleIn = defineCheck({
  kind: "partialScaleIn",
  title: "leavers' last answer to the HPA's write",
  about:
    "Seconds from the last answer to the tenants that leave to the HPA's write that takes their pods away.",
  numbers: { ...range, pods: { about: "Pods that the write must leave." } },
  timed: true,
  measure(input) {
    const { evidence, loads, tier, numbers, interval } = input;
    const { lastAnswerUs, offered } = evidence.requests(loads);
    const facts = { limit: rangeWords(numbers), unit: "s", samples: 1, interval };
    if (lastAnswerUs === null) {
      const cause = interval && unansweredCause(evidence, tier, interval);
      return nothingAnswered({ ...facts, measured: null, samples: 0 }, offered, cause);
    }
    const end = evidence.stepEndUs(loads[0]!.step) ?? Infinity;
    const write = evidence
      .decisions(tier)
      .find((d) => d.wrote && d.to < d.from && d.atUs > lastAnswerUs && d.atUs <= end);
    if (!write) return never(input, { ...facts, measured: null }, lastAnswerUs, "no pods were taken away");
    const found = { ...facts, interval: { fromUs: lastAnswerUs, toUs: write.atUs } };
    const result = judge(numbers, write.atUs - lastAnswerUs, write, found);
    // A scaleDown policy may take them away by and by: what counts is the first step's time and the last one's pods.
    const left = evidence
      .decisions(tier)
      .findLast((d) => d.wrote && d.atUs >= write.atUs && d.atUs <= end)!.to;
    const wrong =
      write.by !== "hpa"
        ? `KEDA, not the HPA, wrote ${write.from} → ${write.to}: ${write.reason}`
        : left !== numbers.pods
          ? `the HPA wrote ${write.from} → ${write.to} and left ${left}, ${numbers.pods} expected: ${write.reason}`
          : null;
    if (wrong !== null) return failed({ ...found, measured: result.measured }, wrong);
    return result.verdict === "pass" ? { ...result, reason: `${write.from} → ${left}` } : result;
  },
});
