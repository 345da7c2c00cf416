import type { LatenessEvent, RunEvent } from "./types.ts";

/** The worst lateness of any loop that touched the interval, ends included; null where no timer was late. */
export function maxLateness(
  events: Iterable<RunEvent>,
  fromUs: number,
  toUs: number,
): Pick<LatenessEvent, "loop" | "lateUs"> | null {
  let worst: LatenessEvent | null = null;
  for (const event of events) {
    if (event.type !== "lateness") continue;
    // A timer was late from when it was due until it ran.
    const dueUs = event.atUs - event.lateUs;
    if (event.atUs < fromUs || dueUs > toUs) continue;
    if (!worst || event.lateUs > worst.lateUs) worst = event;
  }
  return worst;
}
