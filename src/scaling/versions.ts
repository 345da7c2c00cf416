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
  const [left, right] = [a, b].map((text) => text.replace(/^v/, "").split(".").map(Number));
  return left![0]! - right![0]! || (left![1] ?? 0) - (right![1] ?? 0);
}
