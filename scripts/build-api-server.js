// Prints the path of a kube-apiserver for `npm run conformance -- api-server`: $KUBE_APISERVER, else the one in the cache folder, which is
// built from its Go module the first time (a quarter of an hour of two cores; needs Go).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answer, cachedProgram, goMissing, succeeds } from "./cached-program.js";

/** Of the minor version that set-up pins, the newest that there is as a Go module. */
const VERSION = "1.36.3";
const missing = process.env.KUBE_APISERVER ? null : goMissing();

function build(folder) {
  if (missing !== null) return false;
  process.stderr.write(
    `building kube-apiserver (k8s.io/kubernetes v${VERSION}): a quarter of an hour, once\n`,
  );
  // Kubernetes 1.36.3 is made of modules 0.36.3; which ones, the recorder's go.mod says.
  const recorder = readFileSync(join(import.meta.dirname, "..", "conformance", "go.mod"), "utf8");
  const replaced = [...recorder.matchAll(/^\t(?:replace )?(\S+) => /gm)].map(
    ([, name]) => `replace ${name} => ${name} v${VERSION.replace(/^1\./, "0.")}\n`,
  );
  writeFileSync(
    join(folder, "go.mod"),
    `module limpet/api-server\n\ngo 1.26\n\nrequire k8s.io/kubernetes v${VERSION}\n\n${replaced.join("")}`,
  );
  const target = join(folder, "kube-apiserver");
  return succeeds(folder, "go", "build", "-mod=mod", "-o", target, "k8s.io/kubernetes/cmd/kube-apiserver");
}

answer(
  process.env.KUBE_APISERVER || cachedProgram(`kube-apiserver-${VERSION}`, "kube-apiserver", build),
  `no kube-apiserver: ${missing ?? "it could not be built (above)"}`,
);
