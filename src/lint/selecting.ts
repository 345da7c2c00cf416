/** Objects that select pods by label (budgets, policies), found by what they select and not by asking each. */
import { listAt, textsAt } from "../topology/json.ts";
import type { Manifest, Workload } from "../topology/types.ts";

type Selecting = { readonly labels: Readonly<Record<string, string>>; readonly manifest: Manifest };

/** Whether one of `manifests`, by the label selector at `path`, selects a workload's pods; expressions count as yes. */
export function selecting(
  manifests: readonly Manifest[],
  ...path: readonly string[]
): (workload: Workload) => boolean {
  const byFirst = new Map<string, Selecting[]>();
  const wide = new Set<string>();
  for (const manifest of manifests) {
    const labels = textsAt(manifest.body, ...path, "matchLabels");
    const [first] = Object.entries(labels);
    const { namespace } = manifest;
    if (first === undefined || listAt(manifest.body, ...path, "matchExpressions").length > 0)
      wide.add(namespace);
    else {
      const key = `${namespace}/${first[0]}=${first[1]}`;
      byFirst.set(key, [...(byFirst.get(key) ?? []), { labels, manifest }]);
    }
  }
  return ({ namespace, podLabels }) =>
    wide.has(namespace) ||
    Object.entries(podLabels).some(([key, value]) =>
      (byFirst.get(`${namespace}/${key}=${value}`) ?? []).some(({ labels }) =>
        Object.entries(labels).every(([name, wanted]) => podLabels[name] === wanted),
      ),
    );
}
