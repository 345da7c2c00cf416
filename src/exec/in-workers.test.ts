import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { inWorkers } from "./in-workers.ts";

const script = fileURLToPath(new URL("fixtures/slow-doubler.mjs", import.meta.url));
const tasks = Array.from({ length: 9 }, (_, index) => index);

async function doubled(workers: number, data: unknown = {}): Promise<number[]> {
  const results: number[] = [];
  for await (const result of inWorkers<number, number>({ script, data, tasks, workers }))
    results.push(result);
  return results;
}

test.each([1, 2, 20])("results come in the order of the tasks from %d threads", async (workers) => {
  expect(await doubled(workers)).toEqual(tasks.map((task) => 2 * task));
});

test("an error in a thread ends it all", async () => {
  await expect(doubled(2, { failAt: 4 })).rejects.toThrow("cannot do 4");
});

test("nothing is begun for one who has left already", async () => {
  const results = inWorkers<number, number>({
    script,
    data: {},
    tasks,
    workers: 1,
    signal: AbortSignal.abort(),
  });
  expect((await results.next()).done).toBe(true);
});
