/**
 * One size of the simulation's benchmark, in a process of its own so that its memory is told apart: the command itself
 * (`limpet test --engine simulated`), then the bare loop beside it. Arguments: the package's folder, scenario, topology, a
 * folder for the log.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../src/cli/run.ts";
import { buildRing, ringOwner } from "../src/routing/ring-hash.ts";
import { xxh64Latin1 } from "../src/routing/xxh64.ts";

const SEED = 1;
const BARE_REQUESTS = 4_000_000;
const BARE_TENANTS = 100_000;

export type OneSize = {
  readonly exitCode: number;
  readonly requests: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly rssBytesPeak: number;
  readonly logBytes: number;
  readonly digest: string;
  /** The bare loop, nanoseconds a request. */
  readonly bareNs: number;
};

const cpuSeconds = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

/** What no simulation can do without: each request's tenant hashed, and the ring asked for its pod. */
function bareNs(): number {
  const hosts = Array.from({ length: 11 }, (_, index) => ({
    address: `10.244.0.${index + 1}:8000`,
    weight: 1,
  }));
  const ring = buildRing(hosts, { minimumRingSize: 1024, maximumRingSize: 8_388_608 });
  const tenants = Array.from({ length: BARE_TENANTS }, (_, index) => `t-${index + 1}`);
  const counts = hosts.map(() => 0);
  const since = process.cpuUsage();
  for (let request = 0; request < BARE_REQUESTS; request++)
    counts[ringOwner(ring, xxh64Latin1(tenants[(request * 7_919) % BARE_TENANTS]!))]! += 1;
  return (cpuSeconds(since) * 1e9) / counts.reduce((a, b) => a + b);
}

const [packageRoot = "", scenario = "", topology = "", cwd = ""] = process.argv.slice(2);
let text = "";
const before = bareNs();
const since = process.cpuUsage();
const startedMs = performance.now();
const exitCode = await run({
  args: [
    "test",
    scenario,
    "--topology",
    topology,
    "--engine",
    "simulated",
    "--seed",
    String(SEED),
    "--reporter",
    "json",
  ],
  env: {},
  cwd,
  stdout: { write: (part) => (text += part) },
  stderr: { write: () => true },
  readStdin: () => Promise.resolve(""),
  interrupted: new AbortController().signal,
  packageRoot,
  now: () => new Date(),
});
const spent = cpuSeconds(since);
const seconds = (performance.now() - startedMs) / 1000;
const rssBytesPeak = process.resourceUsage().maxRSS * 1024;
const { digest, folder, scenarios } = JSON.parse(text) as {
  readonly digest: string;
  readonly folder: string;
  readonly scenarios: readonly {
    readonly checks: readonly { readonly name: string; readonly of?: number }[];
  }[];
};
const requests = scenarios[0]?.checks.find(({ name }) => name === "requests lost")?.of ?? 0;
const result: OneSize = {
  exitCode,
  requests,
  cpuSeconds: spent,
  seconds,
  rssBytesPeak,
  logBytes: statSync(join(folder, "events.jsonl")).size,
  digest,
  bareNs: (before + bareNs()) / 2,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
