/** A real Prometheus as a judge of the built-in one; only tests use it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { slicesOf, writeRequest, type RecordedSeries } from "./remote-write.ts";

export type RealPrometheus = AsyncDisposable & { readonly baseUrl: string };

/** `binary --version`'s major version, or null where it cannot be run. */
export function majorVersion(binary: string): 2 | 3 | null {
  const { stdout, stderr, error } = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
  if (error !== undefined) return null;
  const found = /prometheus, version (\d+)\./.exec(stdout + stderr)?.[1];
  // A build from the module says nothing of its version: only 3 is built so.
  if (found === undefined) return /prometheus, version/.test(stdout + stderr) ? 3 : null;
  return found === "2" ? 2 : 3;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Starts `binary` with an empty store that takes remote writes, and waits until it is ready. */
export async function startPrometheus(
  binary: string,
  flags: readonly string[] = [],
): Promise<RealPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), "limpet-judge-"));
  const port = await freePort();
  const config = join(folder, "prometheus.yml");
  await writeFile(config, "global: {}\n");
  const child = spawn(
    binary,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--storage.tsdb.retention.time=100y",
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const ended = once(child, "exit");
  const baseUrl = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 300; tries++) {
    const ready = await request(`${baseUrl}/-/ready`).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode === 200;
      },
      () => false,
    );
    if (ready) return { baseUrl, [Symbol.asyncDispose]: stop };
    if (child.exitCode !== null) break;
    await delay(100);
  }
  await stop();
  throw new Error(`${binary} did not become ready:\n${log}`);
}

/** Writes all samples, some minutes of them at a time, so that requests follow one another in time. */
export async function writeSamples(baseUrl: string, series: readonly RecordedSeries[]): Promise<void> {
  for (const slice of slicesOf(series)) {
    const { statusCode, body } = await request(`${baseUrl}/api/v1/write`, {
      method: "POST",
      headers: {
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        "x-prometheus-remote-write-version": "0.1.0",
      },
      body: writeRequest(slice),
    });
    const words = await body.text();
    if (statusCode !== 204 && statusCode !== 200) throw new Error(`remote write: ${statusCode} ${words}`);
  }
}
