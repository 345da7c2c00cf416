import type { Refusal } from "../shared/tenant-id.ts";

export type TierTable = {
  readonly tiers: ReadonlySet<string>;
  readonly tenantTiers: Readonly<Record<string, string>>;
  readonly defaultTier: string;
};

export type TierReading =
  | { readonly tier: string; readonly refusal?: never }
  | { readonly tier?: never; readonly refusal: Refusal };

/**
 * A request's tier: what its header says, else the mapping's entry for the tenant, else the longest `prefix*` of the
 * mapping that fits, else the default. A header that names no tier of ours is refused: 400.
 */
export function tierOf(table: TierTable, tenant: string, header: string | undefined): TierReading {
  if (header !== undefined) {
    if (table.tiers.has(header)) return { tier: header };
    const known = [...table.tiers].join(", ");
    const message = `Tier must be one of ${known}.`;
    return { refusal: { status: 400, reason: "tier_unknown", message } };
  }
  const exact = Object.hasOwn(table.tenantTiers, tenant) ? table.tenantTiers[tenant] : undefined;
  if (exact !== undefined) return { tier: exact };
  let best: string | null = null;
  for (const pattern of Object.keys(table.tenantTiers)) {
    if (!pattern.endsWith("*") || !tenant.startsWith(pattern.slice(0, -1))) continue;
    if (best === null || pattern.length > best.length) best = pattern;
  }
  return { tier: best === null ? table.defaultTier : table.tenantTiers[best]! };
}
