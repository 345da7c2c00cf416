// Prints the path of the recorder of `conformance/`: $RECORDER, else the one in the cache folder, which is built the first time
// (four minutes of two cores; needs Go). LIMPET_KUBERNETES=1.36.3 builds it with another release of Kubernetes.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, cachedProgram, goMissing, succeeds } from "./cached-program.js";

const sources = join(dirname(fileURLToPath(import.meta.url)), "..", "conformance");
const module = readFileSync(join(sources, "go.mod"), "utf8");
const [, pinned] = /k8s\.io\/kubernetes v(\S+)/.exec(module);
const version = (process.env.LIMPET_KUBERNETES ?? pinned).replace(/^v/, "");
const missing = process.env.RECORDER ? null : goMissing();

/** Every source is in the name: an edited recorder is another program. */
function digest() {
  const hash = createHash("sha256").update(module);
  const folder = join(sources, "recorder");
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}

function build(folder) {
  if (missing !== null) return false;
  process.stderr.write(`building the recorder (k8s.io/kubernetes v${version}): some minutes, once\n`);
  if (version === pinned)
    return succeeds(sources, "go", "build", "-o", join(folder, "recorder"), "./recorder");
  // Kubernetes 1.36.3 is made of modules 0.36.3, and needs other things than the pinned one does.
  const source = join(folder, "source");
  cpSync(join(sources, "recorder"), join(source, "recorder"), { recursive: true });
  const replaced = [...module.matchAll(/^\t(?:replace )?(\S+) => /gm)].map(
    ([, name]) => `replace ${name} => ${name} v${version.replace(/^1\./, "0.")}\n`,
  );
  writeFileSync(
    join(source, "go.mod"),
    `module limpet/conformance\n\ngo 1.26\n\nrequire k8s.io/kubernetes v${version}\n\n${replaced.join("")}`,
  );
  return succeeds(source, "go", "build", "-mod=mod", "-o", join(folder, "recorder"), "./recorder");
}

answer(
  process.env.RECORDER || cachedProgram(`recorder-${version}-${digest()}`, "recorder", build),
  `no recorder: ${missing ?? "it could not be built (above)"}`,
);
