/** The tables of docs/scenarios.md, made from what the code reads. */
import { CHECKS } from "../src/scenarios/checks/index.ts";
import { scenarioJsonSchema } from "../src/scenarios/schema.ts";
import { NAMES } from "../src/scenarios/scope.ts";

type Schema = {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
};

const EXPRESSION = " A number, or an expression over the topology.";

const code = (text: unknown): string => `\`${String(text)}\``;

/** A field's description without what every expression says, and without its full stop. */
const sentence = ({ description = "" }: Schema): string =>
  description.replace(EXPRESSION, "").replace(/\.$/, "");

const isExpression = ({ anyOf }: Schema): boolean =>
  anyOf?.some(({ type }) => type === "number") === true && anyOf.some(({ type }) => type === "string");

function valueOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map(code).join(" ");
  if (isExpression(schema)) return "expression";
  if (schema.anyOf)
    return schema.anyOf.map((one) => (one.const === undefined ? valueOf(one) : code(one.const))).join(" or ");
  if (schema.properties)
    return `map of ${Object.entries(schema.properties)
      .map(([name, field]) => `${code(name)} (${[valueOf(field), sentence(field)].join(": ")})`)
      .join(", ")}`;
  if (schema.type === "array") return "list";
  if (schema.type === "integer") return "whole number";
  return schema.type === "boolean" ? "true or false" : "text";
}

function withoutValue({ default: value, required }: { default?: unknown; required: boolean }): string {
  if (required) return "must be given";
  if (value === undefined) return "–";
  const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return empty ? "none" : code(value);
}

function fieldTable(schema: Schema): string {
  const required = new Set(schema.required);
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const about = (field.description ?? "").replace(EXPRESSION, "");
    const given = withoutValue({ default: field.default, required: required.has(name) });
    return `| ${code(name)} | ${valueOf(field)} | ${given} | ${about} |`;
  });
  return ["| field | value | without it | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function checkTable(): string {
  const rows = CHECKS.map((check) => {
    const fields = Object.entries(check.numbers).map(([name, { about, default: value }]) => {
      const given = value === undefined ? "" : ` (default ${code(value)})`;
      return `${code(name)}${given} ${about}`;
    });
    const loads = check.comparesLoads ? ["`with` The load to compare with."] : [];
    const timed = check.timed ? `${check.marginSeconds} s` : "";
    return `| ${code(check.kind)} | ${check.about} | ${[...loads, ...fields].join("<br>")} | ${timed} |`;
  });
  return ["| check | measures | fields | timed: margin |", "|---|---|---|---|", ...rows].join("\n");
}

const section = (title: string, body: string): string => `### ${title}\n\n${body}`;

/** Everything between the two marks of docs/scenarios.md. */
export function scenarioTables(): string {
  const scenario = scenarioJsonSchema() as Schema;
  const step = scenario.properties!["steps"]!.items!;
  const names = Object.entries(NAMES).map(([name, meaning]) => `| ${code(name)} | ${meaning} |`);
  return [
    section("The file", fieldTable(scenario)),
    section("A step", fieldTable(step)),
    section("A load", fieldTable(step.properties!["loads"]!.items!)),
    section("A fault", fieldTable(step.properties!["faults"]!.items!)),
    section("Names in expressions", ["| name | is |", "|---|---|", ...names].join("\n")),
    section("Checks", checkTable()),
  ].join("\n\n");
}
