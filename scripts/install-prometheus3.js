// Prints the path of a Prometheus 3 for the tests: $PROMETHEUS3, else the one in the cache folder, which is built from its
// Go module the first time (six minutes of two cores; needs Go).
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { answer, cachedProgram, goMissing, succeeds } from "./cached-program.js";

const MODULE = "github.com/prometheus/prometheus";
const VERSION = "v0.316.0";
// One discovery plugin's module cannot be had; the files and labels that are compared here need none of them.
const TAGS = "remove_all_sd,enable_kubernetes_sd";

const missing = process.env.PROMETHEUS3 ? null : goMissing();

function build(folder) {
  if (missing !== null) return false;
  process.stderr.write(`building Prometheus 3 (${MODULE} ${VERSION}): some minutes, once\n`);
  writeFileSync(join(folder, "go.mod"), `module judge\n\nrequire ${MODULE} ${VERSION}\n`);
  return succeeds(
    folder,
    "go",
    "build",
    "-mod=mod",
    `-tags=${TAGS}`,
    "-o",
    "prometheus",
    `${MODULE}/cmd/prometheus`,
  );
}

answer(
  process.env.PROMETHEUS3 || cachedProgram(`prometheus-${VERSION}`, "prometheus", build),
  `no Prometheus 3: ${missing ?? "it could not be built (above)"}; or name one with PROMETHEUS3=PATH`,
);
