/** The real programs that conformance is held against. */
import { execFileSync } from "node:child_process";

/** Path of an Envoy, fetched into a cache folder where the machine has none. */
export const installedEnvoy = (): string =>
  execFileSync(process.execPath, ["scripts/install-envoy.js"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
