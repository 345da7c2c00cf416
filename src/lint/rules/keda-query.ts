/** What a trigger's query answers, and what KEDA makes of the answer. */
import { ignoresNullValues } from "../../scaling/scaled-object.ts";
import type { ScaledObject, Trigger } from "../../topology/types.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { isScalar, queriesOf, singleSeries, unwrapped } from "../queries.ts";
import { fixedBy, place, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { setting } from "../fix.ts";

const ignoresNull = (trigger: Trigger): boolean =>
  ignoresNullValues({ type: trigger.type, metadata: trigger.metadata });

const scalarResult: Rule = {
  code: "LIMPET-K116",
  family: "keda",
  severity: "error",
  title: "Query whose answer is a scalar",
  why: "KEDA reads a vector. The JSON of a scalar does not decode, every check is an error, and the target stays as it is.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: scalar(max(active_tenants))\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go (ExecutePromQuery), run with 2.21.0",
  fix: "wraps the query in vector(…)",
  check: (facts) =>
    queriesOf(facts)
      .filter(({ expr }) => expr !== null && isScalar(expr))
      .map(({ scaledObject: one, path, text }) =>
        fixedBy(
          report(
            one.manifest,
            path,
            `${text} answers a scalar, which KEDA cannot decode: every check fails.`,
            "wrap it: vector(…)",
          ),
          setting(one.manifest, path, `vector(${text.trim()})`),
        ),
      ),
};

const manySeries: Rule = {
  code: "LIMPET-K117",
  family: "keda",
  severity: "warning",
  title: "Query that can answer several series",
  why: "More than one element is an error to KEDA: nothing scales from the moment that a second series appears, e.g. with a second exporter.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: active_tenants{tier="small"}\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go",
  check: (facts) =>
    queriesOf(facts)
      .filter(({ expr }) => expr !== null && !isScalar(expr) && singleSeries(expr) === null)
      .map(({ scaledObject: one, path, text }) =>
        report(
          one.manifest,
          path,
          `${text} can answer more than one series, which is an error to KEDA.`,
          "aggregate it to one: sum(…) or max(…), by no label or only by labels that the selector fixes",
        ),
      ),
};

const badQuery: Rule = {
  code: "LIMPET-K124",
  family: "keda",
  severity: "error",
  title: "Query that Prometheus cannot parse",
  why: "Prometheus answers 400 to each poll. KEDA admits the object and never scales it.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata: 'threshold: "2"\nquery: max(active_tenants{tier="small")\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "prometheus/prometheus promql/parser",
  check: (facts) =>
    queriesOf(facts)
      .filter(({ error }) => error !== null)
      .map(({ scaledObject: one, path, error }) =>
        report(
          one.manifest,
          path,
          `Prometheus refuses this query: ${error!.replace(/\.$/, "")}.`,
          "correct the query",
        ),
      ),
};

const emptyAtZero: Rule = {
  code: "LIMPET-K125",
  family: "keda",
  severity: "warning",
  title: "Query that has no answer at zero",
  why: 'A comparison drops what does not meet it, and count over nothing is nothing. With ignoreNullValues "false" the empty answer is an error: KEDA keeps what is there and never scales to zero.',
  wrong: yaml(
    workload(),
    scaledObject({ metadata: 'threshold: "2"\nquery: sum(active_tenants) > 0\nignoreNullValues: "false"' }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "prometheus/prometheus docs/querying/operators.md; kedacore/keda pkg/scalers/prometheus_scaler.go",
  check: (facts) =>
    queriesOf(facts).flatMap(({ scaledObject: one, trigger, path, text, expr }) => {
      if (expr === null || ignoresNull(trigger) || one.minReplicaCount > 0) return [];
      const root = unwrapped(expr);
      const compares =
        root.kind === "binary" && ["==", "!=", "<", "<=", ">", ">="].includes(root.operator) && !root.bool;
      if (!compares) return [];
      return [
        report(
          one.manifest,
          path,
          `${text} has no value while it is not met, which is an error with ignoreNullValues "false": the target never goes to zero.`,
          "take the comparison out; activationThreshold says from where on it is active",
        ),
      ];
    }),
};

const sameQuery: Rule = {
  code: "LIMPET-K123",
  family: "keda",
  severity: "warning",
  title: "Two targets scaled by one query",
  why: "The load of one wakes and grows the other too. Usually a copied ScaledObject whose label was not changed.",
  wrong: yaml(
    workload(),
    workload({ name: "api-large" }),
    scaledObject(),
    scaledObject({ name: "api-large", target: "{kind: Deployment, name: api-large}" }),
  ),
  right: yaml(
    workload(),
    workload({ name: "api-large" }),
    scaledObject(),
    scaledObject({
      name: "api-large",
      target: "{kind: Deployment, name: api-large}",
      metadata: 'threshold: "2"\nquery: max(active_tenants{tier="large"})\nignoreNullValues: "false"',
    }),
  ),
  source: "limpet design: tiers scale independently",
  check: (facts) => {
    const first = new Map<string, ScaledObject>();
    return queriesOf(facts).flatMap(({ scaledObject: one, trigger, path, text }) => {
      const key = JSON.stringify([trigger.metadata.serverAddress, trigger.metadata.namespace, text]);
      const before = first.get(key);
      if (before === undefined) first.set(key, one);
      if (
        before === undefined ||
        before.namespace !== one.namespace ||
        before.scaleTargetRef.name === one.scaleTargetRef.name
      )
        return [];
      return [
        report(
          one.manifest,
          path,
          `${text} is also the query of ScaledObject ${before.name} (${place(before.manifest.at(...path))}): the load of ${before.scaleTargetRef.name} scales ${one.scaleTargetRef.name} too.`,
          "select what is this target's own",
        ),
      ];
    });
  },
};

export const QUERY_RULES: readonly Rule[] = [scalarResult, manySeries, sameQuery, badQuery, emptyAtZero];
