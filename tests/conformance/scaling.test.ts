/**
 * KEDA, HPA and StatefulSet: traces that the real controllers make here and now, from a seed, replayed through limpet's;
 * and random courses of events held against the reference's rules.
 */
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { hpaDifferences, type RecordedHpa } from "../../src/scaling/judge/recorded-hpa.ts";
import { parseRecorded } from "../../src/scaling/judge/recorded.ts";
import { watchTraces } from "../../src/scaling/judge/watch.ts";
import {
  type RecordedStatefulSet,
  statefulSetDifferences,
} from "../../src/workloads/judge/recorded-statefulset.ts";
import { tell } from "./kit/figures.ts";
import { builtRecorder } from "./kit/programs.ts";

/** The pinned release, unless the recorder was built with another. */
const kubernetes = process.env["LIMPET_KUBERNETES"]?.replace(/^v/, "") ?? "1.37.2";
const SEED = Number(process.env["LIMPET_TRACE_SEED"] ?? 8);
const HPA_TRACES = 1_500;
const STATEFULSET_TRACES = 600;
const RANDOM_TRACES = 5_000;
const SHOWN = 10;

describe(`recorded now from Kubernetes ${kubernetes}, seed ${SEED} (LIMPET_TRACE_SEED)`, () => {
  const recorder = builtRecorder();
  const record = (kind: string, count: number, seed = SEED): string =>
    execFileSync(recorder, ["--kind", kind, "--seed", String(seed), "--count", String(count)], {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
  const judge = `Kubernetes ${kubernetes}`;

  test("the HPA", () => {
    const traces = parseRecorded<RecordedHpa>(record("hpa", HPA_TRACES));
    const differences = traces.flatMap((trace) => hpaDifferences(trace, { kubernetes }));
    const rows = traces.reduce((sum, trace) => sum + trace.rows.length, 0);
    const compared = `${traces.length} traces, ${rows} passes (seed ${SEED})`;
    tell({ row: "recorded now, HPA", judge, compared, differ: differences.length });
    expect(differences.slice(0, SHOWN)).toEqual([]);
    expect(traces).toHaveLength(HPA_TRACES);
    // A course in which nothing happens proves nothing.
    const rescales = traces.flatMap((trace) =>
      trace.rows.filter(([, before, , , after]) => before !== after),
    );
    expect(rescales.length).toBeGreaterThan(HPA_TRACES);
  });

  test("the StatefulSet", () => {
    const traces = parseRecorded<RecordedStatefulSet>(record("statefulset", STATEFULSET_TRACES));
    const differences = traces.flatMap((trace) => statefulSetDifferences(trace));
    const states = traces.reduce((sum, trace) => sum + trace.after.length, 0);
    const acts = traces.reduce((sum, trace) => sum + trace.acts.length, 0);
    const compared = `${traces.length} traces, ${acts} actions, ${states} states (seed ${SEED})`;
    tell({ row: "recorded now, StatefulSet", judge, compared, differ: differences.length });
    expect(differences.slice(0, SHOWN)).toEqual([]);
    expect(traces).toHaveLength(STATEFULSET_TRACES);
    expect(acts).toBeGreaterThan(5 * STATEFULSET_TRACES);
  });

  test.each(["hpa", "statefulset"])("the same seed gives the same %s traces, another others", (kind) => {
    expect(record(kind, 60)).toBe(record(kind, 60));
    expect(record(kind, 60)).not.toBe(record(kind, 60, SEED + 1));
  });
});

test(`${RANDOM_TRACES} random traces break no rule`, () => {
  const { broken, checked, passes } = watchTraces(SEED, RANDOM_TRACES);
  const rules = Object.keys(checked).length;
  const compared = `${RANDOM_TRACES} traces, ${passes} passes, ${rules} rules (seed ${SEED})`;
  tell({ row: "random traces", judge: "the reference's rules", compared, differ: broken.length });
  expect(broken.slice(0, SHOWN)).toEqual([]);
});
