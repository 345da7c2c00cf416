/** Strategies beside those that Envoy's route can name: put in their place to see what would be gained or lost. */
import type { LbPolicy } from "../types.ts";

/** Not Envoy's policies: nothing in a manifest can ask for them. */
export const COMPARED = ["RENDEZVOUS", "JUMP", "BOUNDED_LOAD", "STICKY"] as const;
export type ComparedStrategy = (typeof COMPARED)[number];

/** What a run may put in the place of its hashing balancers. */
export type Override = Extract<LbPolicy, "RING_HASH" | "MAGLEV" | "RANDOM"> | ComparedStrategy;

/** As a person writes them; those after `random` are no policies of Envoy's. */
export const STRATEGIES: Readonly<Record<string, Override>> = {
  "ring-hash": "RING_HASH",
  maglev: "MAGLEV",
  random: "RANDOM",
  rendezvous: "RENDEZVOUS",
  jump: "JUMP",
  "bounded-load": "BOUNDED_LOAD",
  sticky: "STICKY",
};
