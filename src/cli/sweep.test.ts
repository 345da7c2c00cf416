/** `limpet sweep` and `limpet compare`, through the commands' own door. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { run } from "./run.ts";

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cwd = mkdtempSync(join(tmpdir(), "limpet-sweep-"));
afterAll(() => rmSync(cwd, { recursive: true }));

// Threads are started for each sweep: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

async function limpet(...args: readonly string[]) {
  let stdout = "";
  let stderr = "";
  const code = await run({
    args,
    env: {},
    cwd,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    readStdin: () => Promise.resolve(""),
    interrupted: new AbortController().signal,
    packageRoot,
    now: () => new Date("2026-11-23T10:14:07Z"),
  });
  return { code, stdout, stderr };
}

type Row = {
  readonly settings: Readonly<Record<string, string>>;
  readonly podHours: number;
  readonly coldPercent: number;
  readonly movesPerStep: number | null;
  readonly hitPercent: number | null;
  readonly lost: number;
  readonly offered: number;
  readonly runs: number;
  readonly passes: number;
  readonly pareto: boolean;
};
type Document = { readonly digest: string; readonly rows: readonly Row[] };

const sweep = (...args: readonly string[]) => limpet("sweep", ...args, "--seed", "1");
async function rowsOf(...args: readonly string[]): Promise<Document> {
  const { stdout, stderr, code } = await sweep(...args, "--reporter", "json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Document;
}

describe("limpet sweep --set", () => {
  test("every combination in order, the same on any number of threads", async () => {
    const args = [
      "scale from zero",
      "--set",
      "pollingInterval=5,10",
      "--set",
      "scrapeInterval=5s,15s",
      "--runs",
      "3",
    ];
    const one = await rowsOf(...args, "--workers", "1");
    const two = await rowsOf(...args, "--workers", "2");
    expect(two).toEqual(one);
    expect(one.rows.map(({ settings }) => Object.values(settings).join(" "))).toEqual([
      "5 5s",
      "5 15s",
      "10 5s",
      "10 15s",
    ]);
    for (const row of one.rows) expect(row).toMatchObject({ runs: 3, passes: 3, lost: 0 });
    expect(new Set(one.rows.map(({ offered }) => offered)).size).toBeGreaterThan(1);
  });

  test("a longer cooldown costs pods and saves cold starts", async () => {
    const { rows } = await rowsOf("--set", "cooldownPeriod=10,240", "--runs", "1");
    const [short, long] = rows;
    expect(long!.podHours).toBeGreaterThan(short!.podHours);
    expect(long!.coldPercent).toBeLessThan(short!.coldPercent);
    expect(rows.map(({ pareto }) => pareto)).toEqual([true, true]);
  });

  test("strategies meet the same arrivals: what differs is who moves and who is hit", async () => {
    const { rows } = await rowsOf(
      "--set",
      "strategy=ring-hash,maglev,rendezvous,sticky,random",
      "--runs",
      "1",
    );
    const by = (name: string): Row => rows.find(({ settings }) => settings["strategy"] === name)!;
    expect(new Set(rows.map(({ offered }) => offered)).size).toBe(1);
    expect(by("sticky").movesPerStep).toBe(0);
    expect(by("ring-hash").movesPerStep).toBeGreaterThan(by("maglev").movesPerStep!);
    expect(by("rendezvous").hitPercent).toBe(100);
    expect(by("random").hitPercent).toBeLessThan(80);
    expect(by("random").passes).toBe(0);
  });

  test("a scenario that some settings do not fit is listed for them, and the others are run", async () => {
    const { rows } = await rowsOf("consistent hashing", "--set", "maxReplicaCount=2,5", "--runs", "1");
    expect(rows.map(({ runs }) => runs)).toEqual([0, 1]);
  });

  test("CSV for a spreadsheet, one line a row", async () => {
    const { stdout } = await sweep(
      "scale from zero",
      "--set",
      "cooldownPeriod=30,60",
      "--runs",
      "1",
      "--reporter",
      "csv",
    );
    const lines = stdout.trimEnd().split("\r\n");
    expect(lines[0]).toMatch(/^cooldownPeriod,pod_hours,/);
    expect(lines.slice(1).map((line) => line.split(",")[0])).toEqual(["30", "60"]);
  });
});

describe("limpet sweep --find", () => {
  const PROBE = "StatefulSet:spec.template.spec.containers[0].readinessProbe.initialDelaySeconds";
  const find = (range: string, ...more: readonly string[]) =>
    sweep(
      "scale from zero",
      "--find",
      `${PROBE}=${range}`,
      "--check",
      "first response",
      "--runs",
      "2",
      ...more,
    );

  test("says both neighbours, the reason, and the command that shows it again", async () => {
    const { code, stdout } = await find("8..24", "--workers", "1");
    expect(code).toBe(0);
    const edge = /"first response" passes at (\d+) \(2 of 2 runs\) and not at (\d+) \(/.exec(stdout);
    expect(Number(edge?.[2]) - Number(edge?.[1])).toBe(1);
    expect(stdout).toMatch(/seed \d+: scale from zero · first response 3\d(\.\d)? s \(< 30 s\): /);
    const again = /again {2}limpet sweep "scale from zero" --set "([^"]+)" --runs 1 --seed (\d+)/.exec(
      stdout,
    );
    const { rows } = await (async () => {
      const ran = await limpet(
        "sweep",
        "scale from zero",
        "--set",
        again![1]!,
        "--runs",
        "1",
        "--seed",
        again![2]!,
        "--reporter",
        "json",
      );
      return JSON.parse(ran.stdout) as Document;
    })();
    expect(rows[0]!.passes).toBe(0);
  });

  test("no change between the ends: exit 1, and says so", async () => {
    const { code, stdout } = await find("0..2", "--workers", "1");
    expect(code).toBe(1);
    expect(stdout).toContain("passes at both ends of");
  });
});

describe("bad input: one message, exit 2, nothing run", () => {
  test.each([
    [[], /say what to vary/],
    [["--set", "cooldownPeriod"], /path=value or path=value,value/],
    [["--set", "cooldownPeriod=1,,2"], /path=value or path=value,value/],
    [["--set", "cooldownPeriod=1,1"], /1 stands twice/],
    [["--set", "cooldownPeriod=1", "--set", "cooldownPeriod=2"], /given twice/],
    [["--set", "algorithm=maglev", "--set", "tableSize=251"], /set one/],
    [["--set", "cooldownPerod=1"], /did you mean "cooldownPeriod"/],
    [["--set", "strategy=sticki"], /did you mean sticky\?/],
    [
      ["--set", "ScaledObject:spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDwn={}"],
      /has no field scaleDwn there; did you mean scaleDown\?/,
    ],
    [["--set", "cooldownPeriod=1", "--runs", "0"], /--runs 0/],
    [["--set", "cooldownPeriod=1", "--workers", "0"], /--workers 0/],
    [["--set", "cooldownPeriod=1", "--check", "x"], /goes with --find/],
    [["--find", "cooldownPeriod=1..9"], /name the check/],
    [["--find", "cooldownPeriod=9..1", "--check", "requests lost"], /path=lo\.\.hi is wanted/],
    [["--find", "cooldownPeriod=1..9", "--check", "request lost"], /did you mean "requests lost"/],
    [
      ["--find", "cooldownPeriod=1..9", "--check", "requests lost", "--set", "threshold=1,2"],
      /one value each/,
    ],
    [["no such scenario", "--set", "cooldownPeriod=1"], /no such scenario/],
    [["--set", "cooldownPeriod=1", "--topology", "/nowhere"], /no such file or folder/],
  ] as const)("sweep %j", async (args, words) => {
    const { code, stdout, stderr } = await sweep(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain("    at ");
  });
});

describe("limpet compare", async () => {
  const tested = async (seed: string, ...more: readonly string[]): Promise<string> => {
    const { stdout } = await limpet(
      "test",
      "scale from zero",
      "--engine",
      "simulated",
      "--seed",
      seed,
      "--reporter",
      "json",
      ...more,
    );
    return (JSON.parse(stdout) as { folder: string }).folder;
  };
  const [seven, again, slow] = [
    await tested("7"),
    await tested("7"),
    await tested("7", "--topology", join(packageRoot, "tests", "fixtures", "original")),
  ];

  test("two runs of a seed agree in everything, by folder, by name or as latest", async () => {
    for (const name of [again, again.split("/").at(-1)!]) {
      const { code, stdout } = await limpet("compare", seven, name, "--reporter", "json");
      expect(code).toBe(0);
      const { agree, scenarios } = JSON.parse(stdout) as {
        agree: boolean;
        scenarios: { rows: { difference: number | null }[] }[];
      };
      expect(agree).toBe(true);
      expect(
        scenarios
          .flatMap(({ rows }) => rows)
          .filter(({ difference }) => difference !== null && difference !== 0),
      ).toEqual([]);
    }
    expect((await limpet("compare", seven, "latest")).code).not.toBe(2);
  });

  test("a topology that never scales differs: exit 1, and what differs is named", async () => {
    const { code, stdout } = await limpet("compare", seven, slow);
    expect(code).toBe(1);
    expect(stdout).toMatch(/verdict +pass +fail +– +– +DIFFER/);
    expect(stdout).toMatch(/small up to 1 .*DIFFER/);
    expect(stdout).toContain("The topologies differ");
    expect(stdout).toContain("0 of 1 test agrees");
  });

  test("hashing replaced by random: owners differ under the same pods", async () => {
    const hashing = async (...more: readonly string[]): Promise<string> => {
      const args = [
        "test",
        "consistent hashing",
        "--engine",
        "simulated",
        "--seed",
        "7",
        "--reporter",
        "json",
      ];
      return (JSON.parse((await limpet(...args, ...more)).stdout) as { folder: string }).folder;
    };
    const { code, stdout } = await limpet(
      "compare",
      await hashing(),
      await hashing("--hash-override", "RANDOM"),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/owners, where host sets are equal .* DIFFER/);
    expect(stdout).toMatch(/hit rate .* DIFFER/);
  });

  test("no such run, a damaged log, nothing in common: exit 2", async () => {
    expect((await limpet("compare", seven, "nowhere")).stderr).toMatch(/no run "nowhere"/);
    const damaged = mkdtempSync(join(cwd, "damaged-"));
    writeFileSync(join(damaged, "events.jsonl"), "not a log\n");
    expect(await limpet("compare", seven, damaged)).toMatchObject({ code: 2, stdout: "" });
    const { stdout } = await limpet(
      "test",
      "burst",
      "--engine",
      "simulated",
      "--seed",
      "7",
      "--reporter",
      "json",
    );
    const other = await limpet("compare", seven, (JSON.parse(stdout) as { folder: string }).folder);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("no scenario in common: scale from zero in A, burst in B");
    expect(readdirSync(damaged)).toEqual(["events.jsonl"]);
  });
});
