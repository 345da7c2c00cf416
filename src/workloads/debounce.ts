/**
 * istiod's debounce: changes are pushed to the proxies when none has come for 100 ms, at the latest about 10 s after
 * the first, and one push at a time.
 *
 * @see istio/istio pilot/pkg/xds/discovery.go, debounce (PILOT_DEBOUNCE_AFTER, PILOT_DEBOUNCE_MAX)
 */
import type { DebounceState } from "./types.ts";

export const DEBOUNCE_AFTER_US = 100_000;
export const DEBOUNCE_MAX_US = 10_000_000;

export const newDebounce = (): DebounceState => ({
  firstEventAtUs: null,
  lastEventAtUs: null,
  events: 0,
  checkAtUs: null,
  pushing: false,
});

/** An endpoint changed. The first change of a batch starts the wait; later ones are merged into it. */
export const debounceEvent = (state: DebounceState, nowUs: number): DebounceState => ({
  ...state,
  firstEventAtUs: state.firstEventAtUs ?? nowUs,
  lastEventAtUs: nowUs,
  events: state.events + 1,
  checkAtUs: state.checkAtUs ?? (state.events === 0 ? nowUs + DEBOUNCE_AFTER_US : null),
});

export type DebounceCheck = { readonly push: boolean; readonly state: DebounceState };

/**
 * Call it at `checkAtUs`. Where `push` is true the caller pushes what it has, and says `debouncePushed()` when that is
 * done; else the wait goes on until the new `checkAtUs`.
 */
export function debounceCheck(state: DebounceState, nowUs: number): DebounceCheck {
  if (state.checkAtUs === null || nowUs < state.checkAtUs) return { push: false, state };
  // While a push is on its way the wait is over, but the push itself waits for the other's end.
  if (state.pushing) return { push: false, state: { ...state, checkAtUs: null } };
  return decide(state, nowUs);
}

function decide(state: DebounceState, nowUs: number): DebounceCheck {
  const { firstEventAtUs, lastEventAtUs } = state;
  if (firstEventAtUs === null || lastEventAtUs === null) return { push: false, state };
  const quietUs = nowUs - lastEventAtUs;
  if (nowUs - firstEventAtUs >= DEBOUNCE_MAX_US || quietUs >= DEBOUNCE_AFTER_US) {
    return { push: true, state: { ...newDebounce(), pushing: true } };
  }
  return { push: false, state: { ...state, checkAtUs: nowUs + DEBOUNCE_AFTER_US - quietUs } };
}

/** A push has ended: what came meanwhile is looked at again at once. */
export const debouncePushed = (state: DebounceState, nowUs: number): DebounceCheck =>
  decide({ ...state, pushing: false, checkAtUs: null }, nowUs);
