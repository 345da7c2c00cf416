/** Maglev tables that Istio's webhook would refuse (IST0106): nothing could be built from such a rule. */
import { isTableSize, MAXIMUM_TABLE_SIZE } from "../routing/maglev.ts";
import type { Problems } from "./problems.ts";
import type { Json, Manifest } from "./types.ts";

type Found = { readonly path: readonly (string | number)[]; readonly size: number };

/** In a rule's own policy, its subsets' and its ports'. */
function* tableSizes(value: Json, path: readonly (string | number)[] = []): Generator<Found> {
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) {
    const below = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "tableSize" && path.at(-1) === "maglev" && typeof inner === "number")
      yield { path: below, size: inner };
    else yield* tableSizes(inner, below);
  }
}

export function refuseTableSizes(manifests: readonly Manifest[], problems: Problems): void {
  for (const manifest of manifests.filter(({ kind }) => kind === "DestinationRule"))
    for (const { path, size } of tableSizes(manifest.body))
      // 0 is Istio's word for its own default.
      if (size !== 0 && !isTableSize(size))
        problems.add(
          manifest.at(...path),
          `DestinationRule ${manifest.name}: tableSize must be a prime of at most ${MAXIMUM_TABLE_SIZE}, found ${size}; Istio refuses it (65537 is one)`,
        );
}
