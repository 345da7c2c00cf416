/** What cannot be read or is not there: one clear message with its place, exit 2, nothing started, nothing left behind. */
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { emptyFolder, type Finished, hasProc, inRepository, processesOfRun, startLimpet } from "./kit.ts";

const OURS = inRepository("k8s/test-topology");

const scenario = (load: string, checks = "  - check: requestsLost\n"): string =>
  `name: mine\nproves: that it is read\nsteps:\n  - name: only\n    from: zero\n    loads:\n      - name: some\n${load}checks:\n${checks}`;
const LOAD =
  "        tenants: 1\n        prefix: t\n        rate: 1\n        durationSeconds: 5\n        tier: small\n";

/** Runs limpet in a folder that holds these files alone. */
async function refused(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const cwd = emptyFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  const started = startLimpet(args, { cwd });
  const finished = await started.finished;
  expect(finished.code, finished.said).toBe(2);
  expect(finished.stdout).toBe("");
  expect(finished.stderr, "a stack trace").not.toMatch(/^\s+at /m);
  expect(finished.stderr).not.toContain("fault of limpet's own");
  expect(existsSync(join(cwd, ".limpet"))).toBe(false);
  if (hasProc) expect(processesOfRun(started.pid)).toEqual([]);
  return finished;
}

type Row = readonly [
  what: string,
  args: readonly string[],
  files: Readonly<Record<string, string>>,
  said: readonly RegExp[],
];

describe("limpet test", () => {
  test.each<Row>([
    [
      "a folder that is not there",
      ["--topology", "no/such"],
      {},
      [/^limpet: no\/such: no such file or folder; name a folder with a kustomization\.yaml, a file, or -$/],
    ],
    [
      "a folder without manifests, beside one that has some",
      ["--topology", "deploy"],
      { "deploy/README": "x", "deploy/prod/kustomization.yaml": "resources: []\n" },
      [/^limpet: deploy: no kustomization\.yaml and no YAML files in it\. Below it: deploy\/prod$/],
    ],
    [
      "broken YAML",
      ["--topology", "deploy"],
      { "deploy/a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a\n" },
      [/^limpet: deploy\/a\.yaml:4:1: cannot read this as YAML: /],
    ],
    [
      "a field of a manifest that cannot be",
      ["--topology", "deploy"],
      {
        "deploy/a.yaml":
          "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: http\n",
      },
      [/^limpet: deploy\/a\.yaml:7:11: .*port/],
    ],
    [
      "a kustomization's field that is not understood",
      ["--topology", "deploy"],
      { "deploy/kustomization.yaml": "resources: [a.yaml]\nhelmCharts: []\n", "deploy/a.yaml": "" },
      [
        /^limpet: deploy\/kustomization\.yaml:2:\d+: .*helmCharts.*kubectl kustomize .*\| limpet … -(topology -)?/,
      ],
    ],
    [
      "nothing on standard input",
      ["--topology", "-"],
      {},
      [/^limpet: nothing came on standard input; pipe the rendered manifests: /],
    ],
    [
      "an unknown field of limpet.yaml",
      ["--config", "mine.yaml"],
      { "mine.yaml": "entry: test-gateway\nactiveTenant: {}\n" },
      [/mine\.yaml:2:\d+: unknown field "activeTenant"; did you mean "activeTenants"\?/],
    ],
    ["no such limpet.yaml", ["--config", "none.yaml"], {}, [/none\.yaml: no such file/]],
    [
      "an unknown field of a scenario",
      ["./mine.yaml"],
      { "mine.yaml": scenario(LOAD).replace("steps:", "stepz: []\nsteps:") },
      [/^limpet: \.\/mine\.yaml:3:1 {2}unknown field "stepz"; did you mean "steps"\?/],
    ],
    [
      "an unknown tier",
      ["./mine.yaml"],
      { "mine.yaml": scenario(LOAD.replace("small", "smal")) },
      [/^limpet: \.\/mine\.yaml:12:15 {2}.*"smal".*"small"/],
    ],
    [
      "an unknown check",
      ["./mine.yaml"],
      { "mine.yaml": scenario(LOAD, "  - check: requestLost\n") },
      [/^limpet: \.\/mine\.yaml:14:12 {2}.*"requestLost".*"requestsLost"/],
    ],
    [
      "an expression that does not add up",
      ["./mine.yaml"],
      { "mine.yaml": scenario(LOAD.replace("tenants: 1", "tenants: 2 * treshold")) },
      [/^limpet: \.\/mine\.yaml:8:18 {2}.*treshold.*threshold/],
    ],
    [
      "broken YAML of a scenario",
      ["./mine.yaml"],
      { "mine.yaml": "name: [mine\n" },
      [/^limpet: \.\/mine\.yaml:2:1 {2}/],
    ],
    [
      "an unknown scenario",
      ["scale from zer"],
      {},
      [
        /^limpet: scale from zer: no such scenario; did you mean "scale-from-zero"\?$/,
        /Name a file, or one of: /,
      ],
    ],
    ["a bad option", ["--sped", "3"], {}, [/^error: unknown option '--sped'$/, /Did you mean .*--speed/]],
    [
      "a speed of nothing",
      ["--speed", "0"],
      {},
      [/'--speed <N>' argument '0' is invalid\. A number above 0/],
    ],
    ["a seed that is none", ["--seed", "x"], {}, [/'--seed <N>' argument 'x' is invalid\. A whole number/]],
    ["a seed of nothing", ["--seed", ""], {}, [/'--seed <N>' argument '' is invalid\. A whole number/]],
    [
      "a speed at which nothing can be told",
      ["--speed", "1e9"],
      {},
      [/'--speed <N>' argument '1e9' is invalid\. A number above 0 is wanted, at most 1000/],
    ],
    [
      "a scenario that is no scenario",
      ["./mine.yaml"],
      { "mine.yaml": "once upon a time there was a file that went on ".repeat(100) },
      [/^limpet: \.\/mine\.yaml:1:1 {2}the file: wanted object, found "once upon.{0,60}…$/],
    ],
    ["an unknown engine", ["--engine", "clowd"], {}, [/'clowd' is invalid\. Allowed choices are local/]],
    ["an unknown reporter", ["--reporter", "xml"], {}, [/'xml' is invalid\. Allowed choices are terminal/]],
  ])("%s", async (_what, args, files, said) => {
    const { stderr } = await refused(["test", ...args], files);
    const lines = stderr.trim().split("\n");
    for (const pattern of said)
      expect(
        lines.some((line) => pattern.test(line)),
        stderr,
      ).toBe(true);
    // One thing wrong, one message: a line that says it, at most one more that helps.
    expect(
      lines.filter((line) => /^(limpet|error): /.test(line)),
      stderr,
    ).toHaveLength(1);
    expect(lines.length).toBeLessThanOrEqual(2);
  });

  test("two things wrong are told at once", async () => {
    const files = { "mine.yaml": scenario(LOAD.replace("small", "smal").replace("rate:", "rat:")) };
    const { stderr } = await refused(["test", "./mine.yaml", "no such scenario"], files);
    expect(stderr).toMatch(/no such scenario: no such scenario/);
    expect(stderr).toMatch(/mine\.yaml:10:9 {2}unknown field "rat"; did you mean "rate"\?/);
  });
});

describe("the other commands", () => {
  test.each<Row>([
    ["an unknown command", ["tset"], {}, [/^error: unknown command 'tset'$/]],
    ["a run that is not there", ["report", "nowhere"], {}, [/^limpet: no run "nowhere": /]],
    ["no run yet", ["report"], {}, [/^limpet: no runs in \S+ yet; limpet test makes one$/]],
    [
      "a log that is none",
      ["report", "mine"],
      { "mine/events.jsonl": "{}\n" },
      [/^limpet: mine\/events\.jsonl:1: not an event log of limpet/],
    ],
    [
      "a topology that is not there, to keep up",
      ["up", "--topology", "no"],
      {},
      [/^limpet: no: no such file/],
    ],
    [
      "a port beyond all ports",
      ["up", "--port", "70000"],
      {},
      [/'--port <N>' argument '70000' is invalid\. A port is wanted, 0 to 65535/],
    ],
    ["a port that is none", ["up", "--port", "web"], {}, [/'--port <N>' argument 'web' is invalid/]],
  ])("%s", async (_what, args, files, said) => {
    const { stderr } = await refused(args, files);
    for (const pattern of said)
      expect(
        stderr
          .trim()
          .split("\n")
          .some((line) => pattern.test(line)),
        stderr,
      ).toBe(true);
  });

  test("one who asks for nothing is told what there is to ask for", async () => {
    const { code, stdout, stderr } = await startLimpet([]).finished;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("limpet test");
  });
});

describe("limpet up, a port that another program holds", () => {
  test.each([
    ["--port", "the gateway"],
    ["--prometheus-port", "Prometheus"],
  ])("%s", async (option, forWhat) => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const other = option === "--port" ? "--prometheus-port" : "--port";
    try {
      const { stderr } = await refused(["up", option, String(port), other, "0", "--topology", OURS]);
      expect(stderr).toBe(
        `limpet: port ${port} is wanted for ${forWhat}, and another program holds it. End that program, or choose another port\n`,
      );
    } finally {
      holder.close();
    }
  });
});
