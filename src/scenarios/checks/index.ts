/** All checks that a scenario may ask for, by kind. */
import { hitRate, movesByScaling } from "./affinity.ts";
import type { Check } from "./check.ts";
import { answersAgain, podBack, tenantsReturn } from "./faults.ts";
import { firstResponse } from "./first-response.ts";
import { onePodEach, podsUsed, sameOwner } from "./hashing.ts";
import { allAnswered, idempotentRequestsLost, requestsLost, requestsLostReported } from "./requests.ts";
import { cooldown, partialScaleIn, podsGone, toZero } from "./scale-in.ts";
import { activeTenantsSeen, otherTiersStay, podsReached } from "./scale-out.ts";

export const CHECKS: readonly Check[] = [
  firstResponse,
  requestsLost,
  idempotentRequestsLost,
  requestsLostReported,
  allAnswered,
  hitRate,
  movesByScaling,
  podsReached,
  activeTenantsSeen,
  otherTiersStay,
  toZero,
  cooldown,
  podsGone,
  partialScaleIn,
  onePodEach,
  podsUsed,
  sameOwner,
  podBack,
  answersAgain,
  tenantsReturn,
];

export const checkOf = (kind: string): Check => {
  const check = CHECKS.find((known) => known.kind === kind);
  if (!check) throw new RangeError(`no check "${kind}"`);
  return check;
};
