/** A rule is data and one pure function over what the manifests say; a finding is what it found, with its place. */
import type { Source } from "../topology/types.ts";
import type { Facts } from "./facts.ts";
import type { Change } from "./fix.ts";
import type { Goals } from "./lint-input.ts";

export type Severity = "error" | "warning" | "info";

export const FAMILIES = {
  routing: "Consistent hashing and routing",
  keda: "KEDA",
  timing: "Timing across layers",
  workload: "Workloads",
  metrics: "Metrics",
  security: "Security",
  input: "The input itself",
} as const;

export type Family = keyof typeof FAMILIES;

/** `LIMPET-` and a letter for the family: R routing, K keda, T timing, W workload, M metrics, S security, L input. */
export type Code = `LIMPET-${string}`;

/** What a rule found, before the rule's own data is put to it. */
export type Report = {
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly at: Source;
  /** One sentence with the value found. */
  readonly message: string;
  /** What to do, in the manifest's words. */
  readonly remedy: string;
  /** Where this case is milder or graver than the rule's usual one. */
  readonly severity?: Severity;
  /** What `--fix` makes of it; only where it cannot do harm. */
  readonly changes?: readonly Change[];
};

export type Rule = {
  /** Never given to another rule, so that suppressions stay true. */
  readonly code: Code;
  readonly family: Family;
  readonly severity: Severity;
  readonly title: string;
  /** What happens, and why nothing else reports it. */
  readonly why: string;
  /** Manifests on which the rule fires, and the same put right; the tests run both. */
  readonly wrong: string;
  readonly right: string;
  /** The examples are this file, beside one of objects; without it they are the objects. */
  readonly exampleFile?: "kustomization.yaml";
  /** A `limpet.yaml` that the examples need. */
  readonly config?: string;
  /** What the user wants reached, where the examples need it. */
  readonly goals?: Goals;
  /** Where the behaviour is written down: repository and path, or the issue. */
  readonly source: string;
  /** What `--fix` does about it: given where a report of the rule carries changes. */
  readonly fix?: string;
  readonly check: (facts: Facts) => readonly Report[];
};

export type LintFinding = {
  readonly code: Code;
  readonly severity: Severity;
  readonly object: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly remedy: string;
};

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };

export const isAtLeast = (severity: Severity, limit: Severity): boolean => RANK[severity] >= RANK[limit];
