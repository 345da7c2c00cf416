import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { BUNDLED } from "./load.ts";
import { scenarioJsonSchema } from "./schema.ts";

const folder = fileURLToPath(new URL("../../scenarios/", import.meta.url));

// `npx vitest run --project unit -u src/scenarios/schema.test.ts` writes the file anew.
test("scenarios/scenario.schema.json is what the code reads", async () => {
  const written = `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`;
  await expect(written).toMatchFileSnapshot(`${folder}scenario.schema.json`);
});

test.each(BUNDLED)("%s.yaml is valid under the published schema", (name) => {
  const validate = new Ajv2020({ strict: false }).compile(scenarioJsonSchema());
  const ok = validate(parse(readFileSync(`${folder}${name}.yaml`, "utf8")));
  expect(validate.errors ?? []).toEqual([]);
  expect(ok).toBe(true);
});
