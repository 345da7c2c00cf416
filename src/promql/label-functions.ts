import { executionError } from "./errors.ts";
import { re2ToRegExp } from "./re2.ts";
import type { VectorSample } from "./value.ts";

/** Prometheus 3 takes any UTF-8 for a label's name, 2 only these. */
const legacyName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const isLabelName = (name: string, version: 2 | 3): boolean =>
  version === 2 ? legacyName.test(name) : name !== "";

/** Go's `Regexp.Expand`: `$1`, `${1}`, `$name`, `$$`; what there is none of is empty. */
function expand(template: string, found: RegExpExecArray): string {
  return template.replaceAll(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    if (whole === "$$") return "$";
    const name = bare ?? braced ?? "";
    return (/^\d+$/.test(name) ? found[Number(name)] : found.groups?.[name]) ?? "";
  });
}

export function labelReplace(
  samples: readonly VectorSample[],
  [target = "", replacement = "", source = "", pattern = ""]: readonly string[],
  version: 2 | 3,
): VectorSample[] {
  const regex = re2ToRegExp(pattern);
  if (typeof regex === "string")
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`);
  if (!isLabelName(target, version))
    throw executionError(`invalid destination label name in label_replace(): ${target}`);
  return samples.map((sample) => {
    const found = regex.exec(sample.labels.get(source));
    if (found === null) return sample;
    return { labels: sample.labels.with(target, expand(replacement, found)), value: sample.value };
  });
}

export function labelJoin(
  samples: readonly VectorSample[],
  [target = "", separator = "", ...sources]: readonly string[],
  version: 2 | 3,
): VectorSample[] {
  for (const source of sources)
    if (!isLabelName(source, version))
      throw executionError(`invalid source label name in label_join(): ${source}`);
  if (!isLabelName(target, version))
    throw executionError(`invalid destination label name in label_join(): ${target}`);
  return samples.map((sample) => {
    const joined = sources.map((source) => sample.labels.get(source)).join(separator);
    return { labels: sample.labels.with(target, joined), value: sample.value };
  });
}

/** Numbers inside the text compare as numbers: `pod-9` comes before `pod-10` (facette/natsort). */
export function naturallyBefore(a: string, b: string): boolean {
  const chunksA = a.match(/\d+|\D+/g) ?? [];
  const chunksB = b.match(/\d+|\D+/g) ?? [];
  for (const [i, chunk] of chunksA.entries()) {
    const other = chunksB[i];
    if (other === undefined) return false;
    const numeric = /^\d/.test(chunk) && /^\d/.test(other);
    if (numeric ? Number(chunk) === Number(other) : chunk === other) {
      if (i === chunksA.length - 1) return true;
      if (i === chunksB.length - 1) return false;
      continue;
    }
    return numeric ? Number(chunk) < Number(other) : chunk < other;
  }
  return false;
}
