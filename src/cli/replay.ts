/** The same simulated run again, as it would be typed: the seed makes it the same to the last line of its log. */
import type { TestOptions } from "./options.ts";

/** A word as a shell takes it. */
export const quoted = (word: string): string => (/^[\w./-]+$/.test(word) ? word : JSON.stringify(word));

export function replayCommand(
  names: readonly string[],
  options: Pick<TestOptions, "topology" | "config" | "hashOverride">,
  seed: number,
): string {
  const { topology, config, hashOverride } = options;
  return [
    "limpet test",
    ...names.map(quoted),
    "--engine simulated",
    ...(topology === undefined ? [] : [`--topology ${quoted(topology)}`]),
    ...(config === undefined ? [] : [`--config ${quoted(config)}`]),
    ...(hashOverride === undefined ? [] : [`--hash-override ${hashOverride}`]),
    `--seed ${seed}`,
  ].join(" ");
}
