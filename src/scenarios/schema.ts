/**
 * What a scenario file may say. Loaded only when a scenario file is read: zod takes a while to start.
 * The same schema is published as `scenarios/scenario.schema.json`.
 */
import { z } from "zod";
import { CHECKS } from "./checks/index.ts";
import type { Check } from "./checks/check.ts";
import { NAMES } from "./scope.ts";

const MAX_STEPS = 20;
const MAX_LOADS = 20;
const MAX_CHECKS = 50;

const expression = (about: string): z.ZodUnion<readonly [z.ZodNumber, z.ZodString]> =>
  z.union([z.number(), z.string().min(1)]).describe(`${about} A number, or an expression over the topology.`);

const name = z.string().min(1).max(80);

const tierRole = name.describe(
  "`default` (the topology's first tier), `other` (its second), `each` (all at once), or a tier's name.",
);

const load = z.strictObject({
  name: name.describe("Unique in the scenario; checks name it."),
  tenants: expression("How many tenants."),
  prefix: z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
      "must be lower-case letters, digits and dashes, at most 32",
    )
    .describe("Tenants are named `<prefix>-1`, `<prefix>-2`, …; loads with one prefix share their tenants."),
  tier: tierRole.optional(),
  rate: expression("Requests per tenant and second of topology time.").default(1),
  requests: expression(
    "Requests of each tenant in all, in place of a duration; of a burst, beside it.",
  ).optional(),
  startSeconds: expression("Seconds after the step's loads begin.").default(0),
  durationSeconds: expression("Seconds.").optional(),
  pattern: z
    .enum(["constant", "poisson", "burst", "onOff", "ramp", "sessions", "diurnal"])
    .default("constant")
    .describe(
      "constant: even, each tenant with its own phase · poisson: memoryless · burst: at any moment of the duration · onOff: constant, with pauses that all tenants make together · ramp: from 0 to the rate · sessions: on and off, each tenant at its own times, lengths exponential · diurnal: memoryless, more by day than by night.",
    ),
  onSeconds: expression("onOff: seconds of traffic; sessions: on average.").optional(),
  offSeconds: expression("onOff: seconds of pause; sessions: on average.").optional(),
  skew: expression(
    "Zipf exponent, at most 4: the k-th tenant is as active as k^−skew beside the others, and `rate` is the average. 0: all the same.",
  ).default(0),
  method: z.enum(["GET", "POST"]).default("GET"),
  idempotent: z.boolean().default(false).describe("A POST carries an Idempotency-Key."),
  gateway: z.int().min(0).max(1).default(0).describe("0: the first gateway pod, 1: the second."),
});

const fault = z.strictObject({
  kind: z.enum(["killPod", "deletePod", "killSidecar", "killGateway", "stopPrometheus"]),
  atSeconds: expression("Seconds after the step's loads begin."),
  tier: tierRole.optional(),
  tenant: name.optional().describe("Whose pod; else the one with the highest ordinal."),
  gateway: z.int().min(0).max(1).default(0),
  forSeconds: expression("stopPrometheus: seconds.").optional(),
});

const settle = z
  .union([z.literal("zero"), z.strictObject({ untilPods: expression("Ready pods.") })])
  .describe("What to wait for after the loads: no pods, or so many ready.");

const step = z.strictObject({
  name,
  from: z
    .enum(["zero", "minimum"])
    .optional()
    .describe(
      "Before it every tier has no pods (zero) or minReplicaCount pods (minimum), and the HPA holds no higher recommendation. Left out: goes on from the step before.",
    ),
  entryReplicas: z.int().min(1).max(2).optional().describe("Pods of the entry."),
  loads: z.array(load).min(1).max(MAX_LOADS),
  faults: z.array(fault).max(MAX_LOADS).default([]),
  settle: settle.optional(),
});

function checkSchema(check: Check): z.ZodObject {
  const numbers = Object.entries(check.numbers).map(([key, field]) => {
    const schema = expression(field.about);
    return [key, field.default === undefined ? schema : schema.default(field.default)] as const;
  });
  return z
    .strictObject({
      check: z.literal(check.kind),
      name: name.optional().describe("How the results table names it."),
      load: name.optional().describe("The load that it looks at; else all of them."),
      ...(check.comparesLoads ? { with: name.describe("The load to compare with.") } : {}),
      ...Object.fromEntries(numbers),
    })
    .describe(check.about);
}

const [first, ...rest] = CHECKS.map(checkSchema);

const check = z.discriminatedUnion("check", [first!, ...rest] as never);

export const scenarioSchema = z
  .strictObject({
    name: name.describe("What the results table calls it."),
    proves: z.string().min(1).describe("What a pass proves."),
    tier: tierRole.default("default").describe("Which tier its loads go to where they name none."),
    needs: z
      .strictObject({
        pods: z.int().min(1).optional().describe("maxReplicaCount of each tier used is at least this."),
        tiers: z.int().min(1).optional().describe("So many tiers, each scaled by a metric of its own."),
      })
      .default({}),
    steps: z.array(step).min(1).max(MAX_STEPS),
    checks: z.array(check).min(1).max(MAX_CHECKS),
  })
  .describe("A scenario of limpet: preconditions, traffic, faults, checks.");

export type ScenarioFile = z.output<typeof scenarioSchema>;
export type LoadFile = z.output<typeof load>;
export type FaultFile = z.output<typeof fault>;
export type StepFile = z.output<typeof step>;

/** A check as written: its kind, its loads, its numbers and expressions. */
export type CheckFile = {
  readonly check: string;
  readonly name?: string;
  readonly load?: string;
  readonly with?: string;
  readonly [number: string]: number | string | undefined;
};

/** The published JSON Schema, for editors. */
export function scenarioJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(scenarioSchema, { io: "input" }) as Record<string, unknown>;
  const names = Object.entries(NAMES).map(([word, meaning]) => `${word}: ${meaning}`);
  return {
    $schema,
    title: "limpet scenario",
    $comment: `Expressions: numbers, + - * /, parentheses, ceil floor round min max, and the names: ${names.join("; ")}; tenants, rate: of the load; active: distinct tenants of the step's loads on that tier.`,
    ...schema,
  };
}

export const safeParse = (value: unknown): ReturnType<typeof scenarioSchema.safeParse> =>
  scenarioSchema.safeParse(value);
