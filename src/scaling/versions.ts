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
  return left[0] - right[0] || left[1] - right[1];
}

type Parts = readonly [number, number];
/** Every check asks about the same handful of releases. */
const known = new Map<string, Parts>();
const KNOWN_AT_MOST = 1000;

function partsOf(text: string): Parts {
  const found = known.get(text);
  if (found !== undefined) return found;
  const [major = 0, minor = 0] = text.replace(/^v/, "").split(".").map(Number);
  if (known.size < KNOWN_AT_MOST) known.set(text, [major, minor]);
  return [major, minor];
}
