import { counted, seconds } from "../words.ts";
import { fallbackCause, scalingCause, unansweredCause } from "../causes.ts";
import { defineCheck, failed, passed } from "./check.ts";

/** From the first request's arrival at a tier without pods to the first answer's last byte. */
export const firstResponse = defineCheck({
  kind: "firstResponse",
  title: "first response",
  about: "Seconds from the first request's arrival to the first answer.",
  numbers: { below: { about: "Seconds; the time must be less." } },
  timed: true,
  measure({ evidence, loads, tier, numbers, interval }) {
    const { offered, answers, causes, firstScheduledUs, firstAnswerUs } = evidence.requests(loads);
    const limit = `< ${numbers.below} s`;
    const end = evidence.stepEndUs(loads[0]!.step) ?? interval?.toUs ?? 0;
    const facts = { limit, unit: "s", samples: answers };
    if (firstScheduledUs === null || firstAnswerUs === null) {
      const whole = { fromUs: firstScheduledUs ?? interval?.fromUs ?? 0, toUs: end };
      const waited = seconds(whole.toUs - whole.fromUs);
      const most = causes[0] ? `; most were given up for: ${causes[0].cause}` : "";
      return failed(
        { ...facts, measured: `none in ${waited} s`, interval: whole },
        `none of ${counted(offered, "request")} was answered in ${waited} s${most}`,
        unansweredCause(evidence, tier, whole),
      );
    }
    const measured = seconds(firstAnswerUs - firstScheduledUs);
    const span = { fromUs: firstScheduledUs, toUs: firstAnswerUs };
    const woken = evidence
      .decisions(tier)
      .find((d) => d.wrote && d.from === 0 && d.atUs >= firstScheduledUs && d.atUs <= firstAnswerUs);
    const fallback = woken ? fallbackCause(woken) : null;
    if (fallback) return failed({ ...facts, measured, interval: span }, "", fallback);
    if ((firstAnswerUs - firstScheduledUs) / 1e6 < numbers.below)
      return passed({ ...facts, measured, interval: span });
    return failed(
      { ...facts, measured, interval: span },
      `the first answer took ${measured} s`,
      scalingCause(evidence, tier, span),
    );
  },
});
