/** A stand-in for the entry must know which series counts tenants: where the query does not say, limpet.yaml has to. */
import { containerRole, prometheusQueries } from "../engines/container-role.ts";
import { InputError } from "../errors.ts";
import type { Topology } from "../topology/types.ts";

/** @throws {InputError} for each tier whose query selects several series, none of which is declared. */
export function refuseUndeclaredMetric(topology: Topology): void {
  const { entry, config, tiers } = topology;
  const isMapped = (config.programs[entry.container.image]?.command.length ?? 0) > 0;
  if (config.activeTenants !== null || isMapped) return;
  if (!containerRole(topology, entry.workload, entry.container).standIn) return;
  const problems = tiers.flatMap(({ scaledObject }) =>
    prometheusQueries(scaledObject).flatMap(({ index, selectors }) => {
      const count = selectors?.length ?? 1;
      if (scaledObject === null || count === 1) return [];
      const { file, line } = scaledObject.manifest.at("spec", "triggers", index, "metadata", "query");
      return [
        `${file}:${line}: ScaledObject ${scaledObject.name}: its query selects ${count} series, and limpet's stand-in for ${entry.workload.name} cannot tell which of them counts active tenants. ` +
          'Say it in limpet.yaml: activeTenants: {metric: NAME, labels: {LABEL: "{tier}"}}',
      ];
    }),
  );
  if (problems.length > 0) throw new InputError(problems);
}
