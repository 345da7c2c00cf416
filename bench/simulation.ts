/** `npm run bench -- simulation`: a day of a million tenants, and of ten thousand, through the simulated engine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { columns } from "../src/cli/columns.ts";
import type { OneSize } from "./simulate-one.ts";

/** Of the million: what it has to keep to, on one core. */
const BAR = { requests: 50e6, seconds: 60, rssBytes: 2 ** 30 };

export type SimulationRow = OneSize & {
  readonly name: string;
  readonly requestsPerCpuSecond: number;
  /** Time for a request beside that of a bare hash and look-up. */
  readonly ratio: number;
};

const SIZES = [
  ["1,000,000 tenants", "million-tenants.yaml"],
  ["10,000 tenants", "ten-thousand-tenants.yaml"],
] as const;

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const population = join(packageRoot, "bench", "population");

export function simulationRows(): SimulationRow[] {
  return SIZES.map(([name, scenario]) => {
    const folder = mkdtempSync(join(tmpdir(), "limpet-bench-"));
    try {
      const program = join(packageRoot, "dist", "bench", "simulate-one.js");
      const args = [program, packageRoot, join(population, scenario), population, folder];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${name}: ended with ${status}\n${stderr}`);
      const one = JSON.parse(stdout) as OneSize;
      const requestsPerCpuSecond = one.requests / one.cpuSeconds;
      return { name, ...one, requestsPerCpuSecond, ratio: 1e9 / requestsPerCpuSecond / one.bareNs };
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

export function simulationTable(rows: readonly SimulationRow[]): string {
  const head = [
    "a day of",
    "requests",
    "CPU",
    "wall",
    "requests/s of CPU",
    "peak memory",
    "log",
    "bare",
    "ratio",
    "",
  ];
  const body = rows.map((row) => [
    row.name,
    `${(row.requests / 1e6).toFixed(1)} M`,
    `${row.cpuSeconds.toFixed(1)} s`,
    `${row.seconds.toFixed(1)} s`,
    `${(row.requestsPerCpuSecond / 1e6).toFixed(2)} M`,
    mib(row.rssBytesPeak),
    mib(row.logBytes),
    `${row.bareNs.toFixed(0)} ns`,
    `× ${row.ratio.toPrecision(3)}`,
    row.exitCode === 0 ? "all checks pass" : `exit ${row.exitCode}`,
  ]);
  const [million] = rows;
  const kept =
    million !== undefined &&
    million.requests >= BAR.requests &&
    million.cpuSeconds <= BAR.seconds &&
    million.rssBytesPeak <= BAR.rssBytes;
  const bar = `at least ${BAR.requests / 1e6} M requests in ${BAR.seconds} s of CPU and ${mib(BAR.rssBytes)}`;
  return `${columns([head, ...body])}\n\nThe million is to be ${bar}: ${kept ? "kept" : "NOT kept"}. CPU counts all threads of the process, start and report too;\nbare is the hash of a tenant's name and the look-up on a ring of 11 pods, before and after in the same process.\n`;
}
