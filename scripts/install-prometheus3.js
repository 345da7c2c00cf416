// Prints the path of a Prometheus 3 for the tests: $PROMETHEUS3, else the one in the cache folder, which is built from its
// Go module the first time (six minutes of two cores; needs Go).
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const MODULE = "github.com/prometheus/prometheus";
const VERSION = "v0.316.0";
// One discovery plugin's module cannot be had; the files and labels that are compared here need none of them.
const TAGS = "remove_all_sd,enable_kubernetes_sd";

const runs = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

function built() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "limpet");
  const folder = join(cache, `prometheus-${VERSION}`);
  const program = join(folder, "prometheus");
  if (runs(program)) return program;
  process.stderr.write(`building Prometheus 3 (${MODULE} ${VERSION}): some minutes, once\n`);
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "building-"));
  const go = (...args) =>
    spawnSync("go", args, { cwd: fresh, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  writeFileSync(join(fresh, "go.mod"), `module judge\n\nrequire ${MODULE} ${VERSION}\n`);
  const done = go("build", "-mod=mod", `-tags=${TAGS}`, "-o", "prometheus", `${MODULE}/cmd/prometheus`);
  if (done) {
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } else {
    rmSync(fresh, { recursive: true, force: true });
  }
  return runs(program) ? program : null;
}

const found = process.env.PROMETHEUS3 || built();
if (found === null) {
  process.stderr.write("no Prometheus 3: it could not be built; name one with PROMETHEUS3=PATH\n");
  process.exit(1);
}
process.stdout.write(`${found}\n`);
