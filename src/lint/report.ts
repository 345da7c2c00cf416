/** Small words that rules share. */
import type { Manifest, Source } from "../topology/types.ts";
import { objectName } from "./facts.ts";
import type { Change } from "./fix.ts";
import type { Path } from "./hash-rules.ts";
import type { Report, Severity } from "./rule.ts";
import type { RouteView, ViewedDestination } from "./route-views.ts";

export const report = (
  manifest: Manifest,
  path: Path,
  message: string,
  remedy: string,
  severity?: Severity,
): Report => ({
  object: objectName(manifest),
  at: manifest.at(...path),
  message,
  remedy,
  ...(severity === undefined ? {} : { severity }),
});

/** A report with what `--fix` may do about it. */
export const fixedBy = (found: Report, ...changes: readonly Change[]): Report => ({ ...found, changes });

export const place = ({ file, line }: Source): string => `${file}:${line}`;

/** Where a DestinationRule says `consistentHash` first. */
export const hashPath = (destination: ViewedDestination): Path =>
  destination.hashRule?.hashes[0]?.path ?? ["spec", "trafficPolicy"];

/** Calls that somebody makes, or may make: not those to a Service that others are used instead of. */
export const maybeCalled = (view: RouteView): boolean => view.called !== "no";

/**
 * Destinations whose DestinationRule asks for a hash for them by name. A wildcard that also covers them counts only
 * where somebody calls the Service.
 */
export const meantToHash = (view: RouteView): readonly (ViewedDestination & { readonly rule: Manifest })[] =>
  view.destinations.filter(
    (one): one is ViewedDestination & { readonly rule: Manifest } =>
      one.rule !== null && one.hashRule !== null && (one.hashRule.isExact || view.called === "yes"),
  );
