/** `limpet test --engine simulated`, through the commands' own door: verdicts, digests, and the faults that must fail. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { foldRows, mergeWindows } from "../events/aggregate.ts";
import { readRun } from "../events/reader.ts";
import type { RequestRow, RequestsWindow } from "../events/types.ts";
import { run } from "./run.ts";

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const fixture = (name: string): string => join(packageRoot, "tests", "fixtures", name);
const cwd = mkdtempSync(join(tmpdir(), "limpet-simulated-"));
afterAll(() => rmSync(cwd, { recursive: true }));

type Check = {
  readonly name: string;
  readonly measured: number | string | null;
  readonly verdict: string;
  readonly reason: string;
  readonly remedy?: string;
};
type Document = {
  readonly engine: string;
  readonly digest: string;
  readonly folder: string;
  readonly scenarios: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly checks: readonly Check[];
  }[];
};

type RunsDocument = {
  readonly runs: number;
  readonly passes: number;
  readonly digest: string;
  readonly outcomes: readonly { readonly seed: number; readonly digest: string }[];
};

async function limpet(...args: readonly string[]) {
  let stdout = "";
  let stderr = "";
  const code = await run({
    args: ["test", "--engine", "simulated", ...args],
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

async function tested(...args: readonly string[]) {
  const said = await limpet(...args, "--reporter", "json");
  if (said.stdout === "") throw new Error(said.stderr);
  return { ...said, document: JSON.parse(said.stdout) as Document };
}

const wrong = ({ checks }: Document["scenarios"][number]): readonly Check[] =>
  checks.filter(({ verdict }) => verdict !== "pass" && verdict !== "reported");

const logOf = ({ folder }: Document): string[] =>
  readFileSync(join(folder, "events.jsonl"), "utf8").trimEnd().split("\n");

describe("the six tests", async () => {
  const first = await tested("--seed", "7");

  test.each(first.document.scenarios)("$name passes", (scenario) => {
    expect(wrong(scenario)).toEqual([]);
  });

  test("are all there, and the exit code is 0", () => {
    expect(first.document.scenarios).toHaveLength(6);
    expect(first.code).toBe(0);
    expect(first.document.engine).toBe("simulated");
  });

  test("a second run of the seed gives the same log, byte for byte, but for its header", async () => {
    const second = await tested("--seed", "7");
    expect(second.document.digest).toBe(first.document.digest);
    expect(second.document.folder).not.toBe(first.document.folder);
    expect(logOf(second.document).slice(1)).toEqual(logOf(first.document).slice(1));
  });

  test("another seed goes another way", async () => {
    const other = await tested("scale from zero", "--seed", "8");
    const again = await tested("scale from zero", "--seed", "9");
    expect(other.document.digest).not.toBe(again.document.digest);
  });

  test("all times in the log are whole microseconds, in order", () => {
    const lines = logOf(first.document)
      .slice(1)
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const times = lines.map(({ atUs }) => Number(atUs));
    expect(times.every(Number.isInteger)).toBe(true);
    const microseconds = lines.flatMap((line) =>
      Object.entries(line).filter(([key, value]) => key.endsWith("Us") && value !== null),
    );
    expect(microseconds.filter(([, value]) => !Number.isInteger(value))).toEqual([]);
    const timers = lines.filter(({ type }) => type !== "requests.window").map(({ atUs }) => Number(atUs));
    expect(timers.filter((atUs, at) => at > 0 && atUs < timers[at - 1]!)).toEqual([]);
  });

  test("the log's windows equal the fold of its rows", async () => {
    const rows: RequestRow[] = [];
    const windows: RequestsWindow[] = [];
    for await (const { line } of readRun(first.document.folder)) {
      if (line.type === "request") rows.push(line);
      if (line.type === "requests.window") windows.push(line);
    }
    expect(rows.length).toBeGreaterThan(5_000);
    expect(mergeWindows(windows)).toEqual(foldRows(rows));
  });
});

describe("scale from zero fails, and says why", () => {
  const firstCheck = async (name: string) => {
    const { code, document } = await tested("scale from zero", "--topology", fixture(name), "--seed", "1");
    expect(code).toBe(1);
    expect(document.scenarios[0]?.verdict).toBe("fail");
    return document.scenarios[0]!.checks[0]!;
  };

  test("with the original document's manifests", async () => {
    const check = await firstCheck("original");
    expect(check).toMatchObject({ name: "first response", verdict: "fail" });
    expect(check.reason).toContain("ScaledObjectCheckFailed");
    expect(check.reason).toContain("no Deployment test-api-small");
    expect(check.reason).toContain("A StatefulSet of that name exists");
    expect(check.remedy).toMatch(/keda-scaler\.yaml:8 add kind: StatefulSet$/);
  });

  test("with a ScaledObject without kind", async () => {
    const check = await firstCheck("faults/no-kind");
    expect(check.reason).toContain("ScaledObjectCheckFailed: no Deployment test-api-small");
    expect(check.remedy).toMatch(/keda-scaler\.yaml:\d+ add kind: StatefulSet$/);
  });

  test("with a query that matches nothing", async () => {
    const check = await firstCheck("faults/query-matches-nothing");
    expect(check.reason).toContain("query matched nothing");
    expect(check.reason).toContain('test_active_tenants{tier="smal"}');
  });
});

describe("consistent hashing fails, and says why", () => {
  const failures = async (...args: readonly string[]) => {
    const { code, document } = await tested("consistent hashing", ...args, "--seed", "1");
    expect(code).toBe(1);
    const failed = wrong(document.scenarios[0]!).filter(({ name }) => name !== "requests lost");
    expect(failed.length).toBeGreaterThanOrEqual(1);
    return failed;
  };

  test("with the routing Service made headless: nothing hashes", async () => {
    for (const { reason } of await failures("--topology", fixture("faults/headless-routing-service"))) {
      expect(reason).toContain("is ORIGINAL_DST: Service test-api-small is headless (clusterIP: None)");
      expect(reason).toContain("nothing hashes");
    }
  });

  test("with the DestinationRule on the headless host: a rule for a host that nobody calls", async () => {
    const failed = await failures("--topology", fixture("faults/rule-on-headless-host"));
    expect(failed[0]).toMatchObject({ name: "requests to the tenant's own pod", verdict: "fail" });
    expect(failed[0]!.measured).toBeLessThan(60);
    for (const { reason } of failed) {
      expect(reason).toContain("balanced by LEAST_REQUEST, not by hashing");
      expect(reason).toContain("which nobody calls");
    }
  });

  test("with hashing replaced by random", async () => {
    const failed = await failures("--hash-override", "RANDOM");
    expect(failed[0]!.measured).toBeLessThan(40);
    for (const { reason } of failed) expect(reason).toContain("hashing was replaced by RANDOM in this run");
  });
});

describe("faults", () => {
  test.each(["burst", "come-and-go", "kill-a-pod", "kill-a-sidecar", "kill-a-gateway"])(
    "%s passes",
    async (name) => {
      const { document } = await tested(name, "--seed", "3");
      expect(wrong(document.scenarios[0]!)).toEqual([]);
    },
  );

  test("what was in flight in a killed gateway is counted", async () => {
    const { document } = await tested("kill-a-gateway", "--seed", "1");
    const lost = document.scenarios[0]!.checks.find(({ name }) => name === "requests lost");
    expect(lost?.measured).toBeGreaterThan(0);
    expect(lost?.reason).toContain("ECONNREFUSED");
  });
});

describe("topologies that are not ours", () => {
  test.each(["booking", "shop"])("%s: every applicable test passes", async (name) => {
    const { code, document, stderr } = await tested("--topology", fixture(name), "--seed", "5");
    expect(document.scenarios.flatMap(wrong)).toEqual([]);
    expect(code).toBe(0);
    expect(stderr).toContain("virtual time runs no commands");
  });
});

describe("many runs", () => {
  const runs = async (workers: number) => {
    const args = ["scale from zero", "--runs", "4", "--seed", "20", "--workers", String(workers)];
    const { code, stdout } = await limpet(...args, "--reporter", "json");
    return { code, document: JSON.parse(stdout) as RunsDocument };
  };

  test("give the same on one thread and on two, in the order of seeds, each as it is alone", async () => {
    const one = await runs(1);
    const two = await runs(2);
    expect(two.document).toEqual(one.document);
    expect(one.document.outcomes.map(({ seed }) => seed)).toEqual([20, 21, 22, 23]);
    const alone = await tested("scale from zero", "--seed", "22");
    expect(one.document.outcomes[2]!.digest).toBe(alone.document.digest);
    expect(one).toMatchObject({ code: 0, document: { runs: 4, passes: 4 } });
  });

  test.each([
    [["--runs", "3", "--engine", "local"], "add --engine simulated"],
    [["--runs", "3", "--reporter", "junit"], "takes terminal or json"],
    [["--runs", "0"], "1 to 1000000 are wanted"],
    [["--runs", "2", "--workers", "0"], "at least one is wanted"],
  ])("%j is refused", async (args, words) => {
    const { code, stderr } = await limpet(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

describe("what is said", () => {
  test("the heading says that speed means nothing; a failure is followed by the command that replays it", async () => {
    const topology = fixture("faults/no-kind");
    const { stdout } = await limpet("scale from zero", "--topology", topology, "--seed", "42");
    expect(stdout).toContain("simulated engine, virtual time (--speed means nothing here), seed 42");
    expect(stdout).toMatch(/^ digest {5}[0-9a-f]{64}$/m);
    expect(stdout).toContain(
      ` again      limpet test "scale from zero" --engine simulated --topology ${topology} --seed 42\n`,
    );
  });

  test("a real part and virtual time do not go together: exit 2, nothing started", async () => {
    const before = readdirSync(join(cwd, ".limpet", "runs")).length;
    const { code, stderr } = await limpet("--sidecar", "envoy");
    expect(code).toBe(2);
    expect(stderr).toContain("--sidecar envoy: a real program cannot live in virtual time");
    expect(readdirSync(join(cwd, ".limpet", "runs"))).toHaveLength(before);
  });
});

describe("versions in limpet.yaml", () => {
  type Decision = {
    readonly type: string;
    readonly by?: string;
    readonly tier?: string;
    readonly atUs: number;
  };
  async function firstSyncUs(versions: string): Promise<number> {
    writeFileSync(join(cwd, "limpet.yaml"), `versions: {${versions}}\n`);
    const { document } = await tested("scale from zero", "--seed", "3", "--config", "limpet.yaml");
    const events = logOf(document).map((line) => JSON.parse(line) as Decision);
    return events.find(({ type, by, tier }) => type === "decision" && by === "hpa" && tier === "small")!.atUs;
  }

  test("up to Kubernetes 1.36 a new HPA is first looked at 15 s after it appears, from 1.37 on at once", async () => {
    expect((await firstSyncUs('kubernetes: "1.36"')) - (await firstSyncUs('keda: "2.21"'))).toBe(15_000_000);
  });

  test("the built-in Prometheus is the one that is meant", async () => {
    // holt_winters is version 2's name of a function that version 3 has under another, and behind a flag.
    const topology = mkdtempSync(join(tmpdir(), "limpet-versions-"));
    onTestFinished(() => rmSync(topology, { recursive: true }));
    cpSync(join(packageRoot, "k8s", "test-topology"), topology, { recursive: true });
    const file = join(topology, "keda-scaler.yaml");
    const text = readFileSync(file, "utf8");
    const selector = 'test_active_tenants{tier="small"}';
    expect(text).toContain(`(${selector})`);
    writeFileSync(file, text.replace(`(${selector})`, `(holt_winters(${selector}[1m], 0.5, 0.5))`));
    const failures = async (prometheus: string): Promise<number> => {
      writeFileSync(join(topology, "limpet.yaml"), `versions: {prometheus: "${prometheus}"}\n`);
      const { document } = await tested("scale from zero", "--seed", "3", "--topology", topology);
      return logOf(document).filter((line) => line.includes("unknown function")).length;
    };
    expect(await failures("2")).toBe(0);
    expect(await failures("3")).toBeGreaterThan(0);
  });
});

describe("the header that tells tenants, where limpet.yaml says none", () => {
  test("of somebody else's gateway: the one that the routes hash", async () => {
    const config = join(cwd, "nothing.yaml");
    writeFileSync(config, "");
    const topology = join(fixture("ledger"), "rendered.yaml");
    const { document } = await tested(
      "tenant affinity",
      "--topology",
      topology,
      "--config",
      config,
      "--seed",
      "6",
    );
    expect(document.scenarios.map(({ verdict }) => verdict)).toEqual(["pass"]);
  });

  test("of ours: its own, so that a misspelt rule is found", async () => {
    const topology = mkdtempSync(join(tmpdir(), "limpet-misspelt-"));
    onTestFinished(() => rmSync(topology, { recursive: true }));
    cpSync(join(packageRoot, "k8s", "test-topology"), topology, { recursive: true });
    const rules = join(topology, "istio-routing.yaml");
    writeFileSync(
      rules,
      readFileSync(rules, "utf8").replaceAll("httpHeaderName: x-tenant-id", "httpHeaderName: x-tenent-id"),
    );
    const { document } = await tested("consistent hashing", "--topology", topology, "--seed", "6");
    expect(document.scenarios.map(({ verdict }) => verdict)).toEqual(["fail"]);
    expect(document.scenarios[0]!.checks[0]!.reason).toContain("RING_HASH on header x-tenent-id");
  });
});
