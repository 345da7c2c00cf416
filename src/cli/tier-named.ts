import { InputError } from "../errors.ts";
import type { Tier, Topology } from "../topology/types.ts";

/** The tier that `--tier` names; without it the first. */
export function tierNamed({ tiers, path }: Topology, name: string | undefined): Tier {
  const tier = name === undefined ? tiers[0] : tiers.find((one) => one.name === name);
  if (tier !== undefined) return tier;
  const known = tiers.length === 0 ? "none" : tiers.map((one) => one.name).join(", ");
  throw new InputError([`--tier ${name ?? ""}: ${path} has no such tier; it has ${known}`]);
}
