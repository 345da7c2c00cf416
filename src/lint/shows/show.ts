/**
 * How a rule about behaviour proves itself: the smallest change to the test topology that is the fault, and the check
 * that then fails. Data only; `src/cli/show/` puts it together with an engine.
 */
import type { Json } from "../../topology/types.ts";
import type { Path } from "../hash-rules.ts";

/** One field of one object; `value` left out takes the field away, `-` for an index adds to a list. */
export type ShownChange = { readonly object: string; readonly at: Path; readonly value?: Json };

export type Show = {
  /** What is wrong, made in the test topology's tier `small`. */
  readonly changes: readonly ShownChange[];
  /** What the fault needs to show itself and is no fault: in the right one and the wrong one alike. */
  readonly given?: readonly ShownChange[];
  /** All tiers of the test topology in place of one. */
  readonly tiers?: "all";
  /** Further objects, as YAML. */
  readonly objects?: string;
  /** The programs listen seconds after their container has begun to run: `scenarios/show/limpet-slow.yaml`. */
  readonly slow?: true;
  /** A file of `scenarios/show/`. */
  readonly scenario:
    | "apart"
    | "away"
    | "blind"
    | "down"
    | "grow"
    | "hash"
    | "home"
    | "lapse"
    | "leave"
    | "replicas"
    | "restart"
    | "return"
    | "share"
    | "wake";
  /** The check that fails. */
  readonly check: string;
  /** Another that may fail in its place, where chance decides which: all on one pod, or each on several. */
  readonly or?: string;
};
