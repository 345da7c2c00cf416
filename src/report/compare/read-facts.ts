import { InputError } from "../../errors.ts";
import { readRun } from "../../events/reader.ts";
import { FactsFold, type RunFacts } from "./facts.ts";

/**
 * What the run in `folder` is compared by.
 *
 * @throws {InputError} for a log that cannot be read, or that holds no scenario.
 */
export async function readFacts(folder: string): Promise<RunFacts> {
  const fold = new FactsFold();
  for await (const { line } of readRun(folder)) fold.add(line);
  const facts = fold.facts();
  if (!facts || facts.scenarios.size === 0)
    throw new InputError([`${folder}: no scenario was run in it, so there is nothing to compare`]);
  return facts;
}
