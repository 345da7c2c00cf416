/** `versions` of `limpet.yaml` and `--versions`: the releases that are meant, where releases behave differently. */
import { InputError } from "../errors.ts";
import type { RetryRules } from "../routing/types.ts";
import type { Versions } from "../scaling/types.ts";

/** What is left out is the newest that is known. */
export type TopologyVersions = Versions & { readonly istio?: string; readonly prometheus?: 2 | 3 };
export type Product = "kubernetes" | "keda" | "istio" | "prometheus";

/** The oldest whose behaviour was read, and the newest. */
const KNOWN: Readonly<Record<Product, readonly [oldest: string, newest: string]>> = {
  kubernetes: ["1.23", "1.37"],
  keda: ["2.13", "2.21"],
  istio: ["1.21", "1.31"],
  prometheus: ["2", "3"],
};
export const PRODUCTS = Object.keys(KNOWN) as readonly Product[];

/** `v1.36.3` is 1.36; of Prometheus only the 2 or the 3 counts. */
export function readVersion(
  product: Product,
  text: string,
): { readonly versions: TopologyVersions } | { readonly problem: string } {
  const [oldest, newest] = KNOWN[product];
  const known = `${oldest} to ${newest} are known; left out it is ${newest}`;
  const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?:\.\d+)?$/.exec(text.trim()) ?? [];
  if (major === undefined || (minor === undefined && product !== "prometheus"))
    return { problem: `a release like ${newest} is wanted, found ${JSON.stringify(text)}; ${known}` };
  if (product === "prometheus")
    return major === "2" || major === "3"
      ? { versions: { prometheus: major === "2" ? 2 : 3 } }
      : { problem: `${text} is not known; ${known}` };
  const version = `${major}.${minor}`;
  if (compare(version, oldest) < 0 || compare(version, newest) > 0)
    return { problem: `${text} is not known; ${known}` };
  return { versions: { [product]: version } };
}

/** `kubernetes=1.30,keda=2.17`. @throws {InputError} */
export function parseVersions(text: string): TopologyVersions {
  const problems: string[] = [];
  let versions: TopologyVersions = {};
  for (const part of text.split(",")) {
    const [name = "", value = ""] = part.split("=").map((word) => word.trim());
    const product = PRODUCTS.find((one) => one === name);
    const read = product === undefined ? null : readVersion(product, value);
    if (read === null)
      problems.push(
        `--versions ${text}: ${PRODUCTS.join(", ")} are known, found ${JSON.stringify(name)}; write keda=2.17,kubernetes=1.30`,
      );
    else if ("problem" in read) problems.push(`--versions ${text}: ${name}: ${read.problem}`);
    else versions = { ...versions, ...read.versions };
  }
  if (problems.length > 0) throw new InputError(problems);
  return versions;
}

/** Whether the release that is meant (default: the newest known) is `minor` (`"1.26"`) or later. */
export const istioAtLeast = (istio: string | undefined, minor: string): boolean =>
  compare(istio ?? KNOWN.istio[1], minor) >= 0;

/** What istiod writes into routes that retry, by its release. */
export const retryRules = (istio: string | undefined): RetryRules => ({
  sameHostWhereHashed: istioAtLeast(istio, "1.23"),
  on503: !istioAtLeast(istio, "1.24"),
  readsIgnorePreviousHosts: istioAtLeast(istio, "1.26"),
});

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  return left![0]! - right![0]! || left![1]! - right![1]!;
}
