import { type RunLog } from "./summary.ts";
import { counting } from "../events/verdicts.ts";

/** Grows when a field changes its meaning or goes away; new fields may come without. */
export const SCHEMA_VERSION = 1;

/** The run as one JSON document, for programs. */
export function renderJson(log: RunLog): string {
  const { header, verdicts, notApplicable, resources } = log;
  const document = {
    schemaVersion: SCHEMA_VERSION,
    engine: header.engine,
    seed: header.seed,
    speed: header.speed,
    digest: log.digest,
    limpet: header.limpet,
    date: header.date,
    topology: header.topology,
    folder: log.folder,
    realSeconds: resources?.realSeconds ?? null,
    topologySeconds: log.topologyUs / 1e6,
    pssBytesPeak: resources?.pssBytesPeak ?? null,
    scenarios: counting(verdicts).map(({ scenario, verdict, speed, checks }) => ({
      name: scenario,
      verdict,
      speed,
      attempts: verdicts
        .filter((one) => one.scenario === scenario)
        .map((one) => ({ attempt: one.attempt, speed: one.speed, verdict: one.verdict, counts: one.counts })),
      checks: checks.map(({ name, measured, of, limit, unit, samples, verdict: found, reason, remedy }) => ({
        name,
        measured,
        ...(of === undefined ? {} : { of }),
        limit,
        unit,
        samples,
        verdict: found,
        reason,
        ...(remedy === undefined ? {} : { remedy }),
      })),
    })),
    notApplicable: notApplicable.map(({ scenario, reason }) => ({ name: scenario, reason })),
    unfinished: log.unfinished,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
