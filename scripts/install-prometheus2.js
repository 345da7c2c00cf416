// Prints the path of a Prometheus 2 for the tests: $LIMPET_PROMETHEUS, else one on PATH, else Debian's, unpacked into a cache folder
// (nothing is installed; needs apt-get and dpkg-deb).
import { readdirSync } from "node:fs";
import { answer, cachedProgram, onPath, succeeds } from "./cached-program.js";

const download = (folder) => succeeds(folder, "apt-get", "download", "--quiet", "prometheus");

function unpack(folder) {
  if (onPath("apt-get") === null || onPath("dpkg-deb") === null) return false;
  // A machine that has never asked its mirror does not know the package.
  if (!download(folder) && !(succeeds(folder, "apt-get", "update", "--quiet") && download(folder)))
    return false;
  const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
  return archive !== undefined && succeeds(folder, "dpkg-deb", "--extract", archive, ".");
}

answer(
  process.env.LIMPET_PROMETHEUS ||
    onPath("prometheus") ||
    cachedProgram("prometheus-debian", "usr/bin/prometheus", unpack),
  "no Prometheus 2: apt-get install prometheus, or name one with LIMPET_PROMETHEUS=PATH",
);
