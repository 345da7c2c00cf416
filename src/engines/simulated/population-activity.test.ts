import { expect, test } from "vitest";
import { stream } from "../../seed/seed.ts";
import { Activity } from "../../services/gateway/activity.ts";
import { PopulationActivity } from "./population-activity.ts";

const IDLE_US = 5_000_000;
const TENANTS = 6;

/** Both are told the same, a request and an answer at a time, and both are asked now and then. */
test.each([1, 2, 3, 4, 5, 6, 7, 8])("counts as the gateway's own rule does: seed %i", (seed) => {
  const random = stream(seed, "population-activity");
  const rule = new Activity(["small"], { idleUs: IDLE_US, keepUs: 1e12, maxTenants: TENANTS });
  const counted = new PopulationActivity(IDLE_US, TENANTS);
  const busy = Array.from({ length: TENANTS }, () => 0);
  let nowUs = 0;
  for (let step = 0; step < 3_000; step++) {
    nowUs += random.below(random.below(4) === 0 ? 4_000_000 : 400_000);
    const tenant = random.below(TENANTS);
    const name = `t-${tenant}`;
    if (busy[tenant] === 0 || random.below(3) === 0) {
      rule.begin("small", name, nowUs);
      counted.begin(tenant);
      busy[tenant]! += 1;
    } else {
      if (random.below(4) > 0) {
        rule.answered("small", name, "pod", nowUs);
        counted.answered(tenant, nowUs);
      }
      rule.end("small", name, nowUs);
      counted.end(tenant, nowUs);
      busy[tenant]! -= 1;
    }
    if (random.below(5) === 0)
      expect([step, counted.active(nowUs)]).toEqual([step, rule.active("small", nowUs)]);
  }
});

test("many answers at once are as many one by one", () => {
  const random = stream(9, "population-activity");
  const one = new PopulationActivity(IDLE_US, TENANTS);
  const many = new PopulationActivity(IDLE_US, TENANTS);
  let nowUs = 0;
  for (let round = 0; round < 400; round++) {
    const tenants = Int32Array.from({ length: 5 }, () => random.below(TENANTS));
    const atUs = Float64Array.from(tenants, () => nowUs + random.below(300_000));
    many.answeredAll(tenants, atUs, 1, 5);
    for (let index = 1; index < 5; index++) one.answered(tenants[index]!, atUs[index]!);
    nowUs += random.below(3_000_000);
    expect([round, many.active(nowUs)]).toEqual([round, one.active(nowUs)]);
  }
});
