/** `limpet where`, `scale` and `query` through the real entry point. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "limpet-questions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

type Said = { readonly status: number | null; readonly out: string; readonly err: string };
function limpet(args: readonly string[], input = ""): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["bin/limpet.js", ...args], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, out: stdout, err: stderr };
}
const jsonLines = ({ out }: Said): unknown[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

describe("limpet where", () => {
  const set = (more: object = {}): string =>
    JSON.stringify({
      policy: { algorithm: "RING_HASH", minimumRingSize: 1024 },
      hosts: [{ address: "10.244.0.7:8000", weight: 1 }, { address: "10.244.0.8:8000" }],
      tenants: ["a", "b", "café"],
      ...more,
    });

  test("a host set from a file and from standard input", () => {
    const path = file("set.json", set());
    const said = limpet(["where", "--hosts", path, "--reporter", "json"]);
    expect(said).toMatchObject({ status: 0, err: "" });
    expect(jsonLines(said)).toEqual([
      { schemaVersion: 1, owners: [expect.any(Number), expect.any(Number), expect.any(Number)] },
    ]);
    expect(limpet(["where", "--hosts", "-"], set())).toEqual(said);
    expect(limpet(["where", "--hosts", "-"], set({ hosts: [] })).out).toBe(
      '{"schemaVersion":1,"owners":[null,null,null]}\n',
    );
  });

  test("100,000 tenants in one call", () => {
    const tenants = Array.from({ length: 100_000 }, (_, index) => `tenant-${index}`);
    const hosts = Array.from({ length: 60 }, (_, index) => ({
      address: `10.244.1.${index}:8000`,
      weight: 1 + (index % 3),
    }));
    const text = JSON.stringify({ policy: { algorithm: "RING_HASH" }, hosts, tenants });
    const [answer] = jsonLines(limpet(["where", "--hosts", "-"], text)) as [{ owners: number[] }];
    expect(answer.owners).toHaveLength(100_000);
    expect(new Set(answer.owners).size).toBe(60);
  });

  test("a tier of ours: where, by what, and who moves", () => {
    const said = limpet([
      "where",
      "alice",
      "bob",
      "carol",
      "--tier",
      "small",
      "--pods",
      "1..3",
      "--seed",
      "7",
      "--reporter",
      "json",
    ]);
    const [answer] = jsonLines(said) as [{ tenants: object[]; steps: { moves: object[] }[]; pods: object[] }];
    expect(answer).toMatchObject({
      schemaVersion: 1,
      tier: "small",
      seed: 7,
      decided: true,
      cluster: { type: "EDS", lbPolicy: "RING_HASH" },
      tenants: ["alice", "bob", "carol"].map((tenant) => ({ tenant, pod: "test-api-small-0" })),
      steps: [
        { from: 1, to: 2, leastPossible: 1 },
        { from: 2, to: 3, leastPossible: 1 },
      ],
    });
    expect(answer.pods).toHaveLength(3);
    const back = limpet([
      "where",
      "alice",
      "bob",
      "carol",
      "--pods",
      "3..1",
      "--seed",
      "7",
      "--reporter",
      "json",
    ]);
    const [other] = jsonLines(back) as [typeof answer];
    expect(other.steps.map(({ moves }) => moves.length).reverse()).toEqual(
      answer.steps.map(({ moves }) => moves.length),
    );
  });

  test("for a person", () => {
    const { out } = limpet(["where", "alice", "--pods", "2..3", "--reporter", "terminal"]);
    expect(out).toMatch(/rule: RING_HASH over the hash of header x-tenant-id/);
    expect(out).toMatch(
      /\nalice +test-api-small-\d +10\.244\.\d+\.\d+:8000 +ring entry 10\.244\.\d+\.\d+:8000_\d+\n/,
    );
    expect(out).toMatch(/\n2 → 3 pods: [01] of 1 tenant moved, least possible 0/);
  });

  test("where nothing hashes there is no pod of one's own, and why", () => {
    const said = limpet([
      "where",
      "a",
      "--topology",
      "tests/fixtures/faults/headless-routing-service",
      "--reporter",
      "json",
    ]);
    expect(jsonLines(said)).toMatchObject([
      {
        decided: false,
        tenants: [{ tenant: "a", pod: null }],
        rule: expect.stringContaining("ORIGINAL_DST") as string,
      },
    ]);
  });

  test.each([
    [["where"], "", "name at least one tenant"],
    [["where", "a", "--pods", "x"], "", "--pods x: a number of pods (3) or a range (2..5) is wanted"],
    [["where", "a", "--pods", "9999"], "", "at most 5000 pods"],
    [["where", "a", "--tier", "tiny"], "", "has no such tier; it has small, medium, large"],
    [["where", "a", "--hosts", "-"], set(), "leave out TENANT"],
    [["where", "--hosts", "-", "--tier", "small"], set(), "leave out --tier"],
    [["where", "--hosts", "nowhere.json"], "", "--hosts nowhere.json: no such file"],
    [["where", "--hosts", "src"], "", "--hosts src: is a folder"],
    [
      ["where", "--hosts", "-"],
      '{"policy":\n {"algorithm": RING}}',
      'stdin:2: not JSON: a value is wanted, found "RING}}"',
    ],
    [
      ["where", "--hosts", "-"],
      '{"policy": {"algorithm": "MAGLEV"},\n"hosts": [\n{"address": "a", "weight": -1}], "tenants": []}',
      "stdin:3: hosts[0].weight: a whole number from 1",
    ],
  ] as const)("%j is bad input", (args, input, message) => {
    const said = limpet(args, input);
    expect(said).toMatchObject({ status: 2, out: "" });
    expect(said.err).toContain(message);
    expect(said.err).not.toMatch(/\n\s+at /);
  });
});

describe("limpet scale", () => {
  const scaledObject = {
    minReplicaCount: 0,
    maxReplicaCount: 5,
    cooldownPeriod: 60,
    pollingInterval: 10,
    triggers: [{ type: "prometheus", metadata: { serverAddress: "http://p", query: "q", threshold: "2" } }],
  };
  const trace = (...lines: readonly object[]): string =>
    lines.map((line) => `${JSON.stringify(line)}\n`).join("");

  test("a course with its own ScaledObject, the usual rhythm", () => {
    const text = trace(
      { t: 0, scaledObject, replicas: 0, metrics: [0] },
      { t: 3, metrics: [10] },
      { t: 30.07 },
    );
    const said = limpet(["scale", "--trace", file("course.jsonl", text), "--reporter", "json"]);
    expect(said).toMatchObject({ status: 0, err: "" });
    const rows = jsonLines(said) as { t: number; by: string; replicas: number }[];
    expect(rows.map(({ t, by, replicas }) => `${t} ${by} ${replicas}`)).toEqual([
      "0.02 keda 0",
      "0.05 hpa 0",
      "10.02 keda 1",
      "15.06 hpa 4",
      "20.02 keda 4",
      "30.02 keda 4",
      "30.07 hpa 5",
    ]);
    expect(Object.keys(rows[0]!)).toEqual(["t", "by", "replicas", "desired", "reason", "conditions"]);
    expect(rows[3]).toMatchObject({
      desired: 4,
      reason: "SucceededRescale",
      conditions: { ScalingLimited: { status: "True", reason: "ScaleUpLimit" } },
    });
    expect(limpet(["scale", "--trace", "-"], text)).toEqual(said);
  });

  test("an HPA alone: the legacy path's 1 → 4 → 5, and one step with a behavior", () => {
    const metric = {
      type: "External",
      external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
    };
    const replicas = (more: object): unknown[] =>
      jsonLines(
        limpet(
          ["scale", "--trace", "-"],
          trace(
            {
              t: 0,
              hpa: { maxReplicas: 5, metrics: [metric], ...more },
              replicas: 1,
              metrics: [10],
              pass: "hpa",
            },
            { t: 15, pass: "hpa" },
          ),
        ),
      ).map((row) => (row as { replicas: number }).replicas);
    expect(replicas({})).toEqual([4, 5]);
    expect(replicas({ behavior: {} })).toEqual([5, 5]);
  });

  test("a tier's own ScaledObject, for a person", () => {
    const { status, out } = limpet(
      [
        "scale",
        "--trace",
        "-",
        "--topology",
        "k8s/test-topology",
        "--tier",
        "small",
        "--reporter",
        "terminal",
      ],
      trace({ t: 0, replicas: 0, metrics: [0] }, { t: 3, metrics: [10] }, { t: 60 }),
    );
    expect(status).toBe(0);
    expect(out).toMatch(/\n10\.02 +keda +0 → 1 +1 +ScalerActive/);
    expect(out).toMatch(/passes said what the one before them said/);
  });

  test("a ScaledObject that KEDA would not find a target for is not replayed as if it did", () => {
    const said = limpet(
      ["scale", "--trace", "-", "--topology", "tests/fixtures/faults/no-kind"],
      trace({ t: 0, metrics: [1] }),
    );
    expect(said).toMatchObject({ status: 2, out: "" });
    expect(said.err).toContain("KEDA finds no target and does nothing at all (kind defaults to Deployment)");
  });

  test.each([
    [["scale"], "", "required option '--trace"],
    [["scale", "--trace", "-"], "", "stdin: no line in it"],
    [["scale", "--trace", "-"], '{"t":0}\n{"t":1,"pods":3}\n', "stdin:2: pods: unknown field"],
    [
      ["scale", "--trace", "-"],
      trace({ t: 0, scaledObject, replicas: 0 }, { t: 20 }),
      "stdin:1: metric 0 is looked at, and the trace gives none until then",
    ],
    [["scale", "--trace", "-", "--topology", "-"], "", "standard input can be only one of them"],
  ] as const)("%j is bad input", (args, input, message) => {
    const said = limpet(args, input);
    expect(said).toMatchObject({ status: 2, out: "" });
    expect(said.err).toContain(message);
  });
});

describe("versions", () => {
  const hpa = {
    maxReplicas: 5,
    behavior: { scaleUp: { tolerance: "0.5" } },
    metrics: [
      {
        type: "External",
        external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
      },
    ],
  };
  const trace = `${JSON.stringify({ t: 0, replicas: 1, metrics: [3], pass: "hpa", hpa })}\n`;

  test("limpet scale: the newest reads a tolerance, 1.34 does not, and that is said", () => {
    const newest = limpet(["scale", "--trace", "-"], trace);
    expect([newest.err, jsonLines(newest)]).toMatchObject(["", [{ replicas: 1 }]]);
    const older = limpet(["scale", "--trace", "-", "--versions", "kubernetes=1.34"], trace);
    expect([older.err, jsonLines(older)]).toMatchObject([
      "stdin:1: Kubernetes 1.34 ignores behavior.scaleUp.tolerance, which came with 1.35\n",
      [{ replicas: 2 }],
    ]);
  });

  test("limpet query: Prometheus 2 takes the sample at the window's beginning, 3 does not", () => {
    const ask = (versions: string) =>
      limpet(
        ["query", "count_over_time(m[1m])", "--samples", "-", "--time", "60", "--versions", versions],
        "m 1 0\nm 2 30000\nm 3 60000\n",
      ).out;
    expect(ask("prometheus=2")).toContain('[60,"3"]');
    expect(ask("prometheus=3")).toContain('[60,"2"]');
  });

  test("what is not known is bad input", () => {
    const said = limpet(["scale", "--trace", "-", "--versions", "keda=9.9,istia=1"], trace);
    expect(said).toMatchObject({ status: 2, out: "" });
    expect(said.err).toContain("keda: 9.9 is not known; 2.13 to 2.21 are known; left out it is 2.21");
    expect(said.err).toContain('kubernetes, keda, istio, prometheus are known, found "istia"');
  });
});

describe("limpet query", () => {
  const samples =
    'hits_total{pod="a"} 0 0\nhits_total{pod="b"} 10 0\nhits_total{pod="a"} 30 60000\nhits_total{pod="b"} 40 60000\n';

  test("answers as the HTTP API answers", () => {
    const said = limpet(
      ["query", "sum(hits_total)", "--samples", "-", "--time", "60", "--reporter", "json"],
      samples,
    );
    expect(said).toEqual({
      status: 0,
      out: '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[60,"70"]}]}}\n',
      err: "",
    });
    expect(limpet(["query", "sum(hits_total)", "--samples", file("page.txt", samples)])).toEqual(said);
    const atZero = limpet(
      ["query", "sum(hits_total)", "--samples", "-", "--time", "1970-01-01T00:00:01Z"],
      samples,
    );
    expect(atZero.out).toContain('"value":[1,"10"]');
  });

  test("for a person", () => {
    const { out } = limpet(["query", "hits_total", "--samples", "-", "--reporter", "terminal"], samples);
    expect(out).toBe('hits_total{pod="a"} => 30 @[60]\nhits_total{pod="b"} => 40 @[60]\n');
  });

  test("a query that fails is answered as the API does, and is bad input", () => {
    const said = limpet(["query", "sum(", "--samples", "-"], samples);
    expect(said).toEqual({
      status: 2,
      out: '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1:5: parse error: unclosed left parenthesis"}\n',
      err: 'limpet: bad_data: invalid parameter "query": 1:5: parse error: unclosed left parenthesis\n',
    });
    expect(limpet(["query", "sum(", "--samples", "-", "--reporter", "terminal"], samples)).toMatchObject({
      status: 2,
      out: "",
    });
  });

  test.each([
    [["query", "up"], "", "required option '--samples"],
    [["query", "m", "--samples", "-"], "m 1\nm one\n", 'stdin:2: expected a number as value, got "one"'],
    [["query", "m", "--samples", "-"], "m 1 5\nm 2 5\n", "stdin:2: a second value for m at 5 ms"],
    [["query", "m", "--samples", "-", "--time", "noon"], "m 1\n", "--time noon: unix seconds"],
  ] as const)("%j is bad input", (args, input, message) => {
    const said = limpet(args, input);
    expect(said).toMatchObject({ status: 2, out: "" });
    expect(said.err).toContain(message);
  });
});

describe("--help", () => {
  test.each([["where"], ["scale"], ["query"]])("of %s has two examples that work", async (command) => {
    const { out } = limpet([command, "--help"]);
    const examples = out
      .slice(out.indexOf("Examples:"))
      .split("\n")
      .filter((line) => line.startsWith("  "));
    expect(examples).toHaveLength(2);
    const shim = file(
      "limpet",
      `#!/bin/sh\nexec "${process.execPath}" "${join(process.cwd(), "bin/limpet.js")}" "$@"\n`,
    );
    for (const example of examples) {
      expect(await shell(`chmod +x '${shim}'; PATH='${folder}':"$PATH"; ${example}`)).toEqual({
        code: 0,
        err: "",
      });
    }
  });
});

/** The examples are what people type into a shell. */
function shell(text: string): Promise<{ code: number | null; err: string }> {
  return new Promise((resolve) => {
    const child = spawn("sh", ["-c", text], { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("close", (code) => resolve({ code, err }));
  });
}
