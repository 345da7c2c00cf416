import type { Versions } from "./types.ts";

export const NEWEST = { keda: "2.21", kubernetes: "1.37" } as const;

/** Whether the release that `versions` asks for (default: the newest known) is `minor` (`"2.19"`) or later. */
export function kedaAtLeast(versions: Versions | undefined, minor: string): boolean {
  return compare(versions?.keda ?? NEWEST.keda, minor) >= 0;
}

export function kubernetesAtLeast(versions: Versions | undefined, minor: string): boolean {
  return compare(versions?.kubernetes ?? NEWEST.kubernetes, minor) >= 0;
}

function compare(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.major - right.major || left.minor - right.minor;
}

type Parts = { readonly major: number; readonly minor: number };

/** Asked for at every check, and only ever of a few texts: the rules' own and one or two of the user's. */
const known = new Map<string, Parts>();
const MAX_KNOWN = 100;

function partsOf(text: string): Parts {
  const found = known.get(text);
  if (found) return found;
  const [major = 0, minor = 0] = text.replace(/^v/, "").split(".").map(Number);
  if (known.size < MAX_KNOWN) known.set(text, { major, minor });
  return { major, minor };
}
