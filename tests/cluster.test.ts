/** `limpet cluster` through the real entry point, and the scripts that call it, with stand-ins for the four programs. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { freshWorld, type World } from "../src/cluster/testing.ts";
import { emptyFolder, eventually, type Finished, hasProc, inRepository, limpet, startLimpet } from "./kit.ts";

const PROGRAMS = ["docker", "kind", "kubectl", "helm"];
const scripts = ["setup.sh", "cleanup.sh"].map((name) => inRepository(`k8s/test-topology/${name}`));

let standIn = "";
beforeAll(async () => {
  standIn = join(emptyFolder(), "stand-in.mjs");
  await build({
    entryPoints: [inRepository("tests/cluster-stand-in.ts")],
    outfile: standIn,
    bundle: true,
    platform: "node",
    format: "esm",
  });
});

/** What is put there is ready at the next look: here time is real. */
const quickWorld = (): World => ({ ...freshWorld(), looksToReady: 1 });

/** A folder with the stand-ins first on PATH, and their world. */
class Machine {
  readonly #folder = emptyFolder();
  readonly #world = join(this.#folder, "world.json");
  readonly env: Record<string, string>;

  constructor(world: World = quickWorld()) {
    const bin = join(this.#folder, "bin");
    mkdirSync(bin);
    for (const program of PROGRAMS) {
      writeFileSync(
        join(bin, program),
        `#!/bin/sh\nexec '${process.execPath}' '${standIn}' ${program} "$@"\n`,
      );
      chmodSync(join(bin, program), 0o755);
    }
    writeFileSync(this.#world, JSON.stringify(world));
    this.env = { PATH: [bin, process.env["PATH"]].join(delimiter), STAND_IN_WORLD: this.#world };
  }

  get world(): World {
    return JSON.parse(readFileSync(this.#world, "utf8")) as World;
  }

  get log(): string[] {
    const file = `${this.#world}.log`;
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  limpet(...args: string[]): Promise<Finished> {
    return limpet(["cluster", ...args], { env: this.env });
  }

  script(path: string, ...args: string[]): { readonly code: number | null; readonly said: string } {
    const { status, stdout, stderr } = spawnSync(path, args, {
      cwd: emptyFolder(),
      env: { ...process.env, ...this.env },
      encoding: "utf8",
    });
    return { code: status, said: stdout + stderr };
  }
}

/** No program at all but Node's own. */
function bareMachine(): { readonly PATH: string } {
  const bin = emptyFolder();
  symlinkSync(process.execPath, join(bin, "node"));
  return { PATH: bin };
}

describe("on a machine without any of the programs", () => {
  test.each([["up"], ["down"], ["down", "--level", "test"]])(
    "%s --dry-run prints every command, and is 0",
    async (...args) => {
      const { code, stdout, stderr } = await limpet(["cluster", ...args, "--dry-run"], {
        env: bareMachine(),
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("kind get clusters");
      // It can be read as a script: a placeholder or a quote that is not closed would show.
      expect(spawnSync("bash", ["-n"], { input: stdout, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
      const foreign = stdout
        .split("\n")
        .filter((line) => /^(kubectl|helm) /.test(line) && !/ version /.test(line));
      expect(foreign.length).toBeGreaterThan(0);
      expect(foreign.filter((line) => !line.includes("-context kind-test-topology "))).toEqual([]);
    },
  );

  test("doctor is 3, and says of each what it is for and where to get it", async () => {
    const { code, stdout } = await limpet(["cluster", "doctor"], { env: bareMachine() });
    expect(code).toBe(3);
    for (const [name, where] of [
      ["docker", "docs.docker.com"],
      ["kind", "kind.sigs.k8s.io"],
      ["kubectl", "kubernetes.io"],
      ["helm", "helm.sh"],
    ] as const)
      expect(stdout).toMatch(new RegExp(`MISSING +${name} +not found on PATH\\n.*https://${where}`));
  });

  test.each(["up", "down", "status"])("%s is 3, says so all at once, and starts nothing", async (what) => {
    const { code, stdout, stderr } = await limpet(["cluster", what], { env: bareMachine() });
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/nothing was started, because this is missing:\n {2}docker: .*\n {2}kind: /);
  });
});

describe("with stand-ins", () => {
  test("setup.sh from another folder, status, setup.sh again, cleanup.sh by its levels", async () => {
    const machine = new Machine();
    const [setup = "", cleanup = ""] = scripts;
    const first = machine.script(setup);
    expect(first).toMatchObject({ code: 0 });
    expect(first.said).toContain("up, and the smoke test passes.");
    expect(first.said).toMatch(
      /pass {2}the gateway's Envoy hashes for test-api-small {3}type EDS, lb_policy RING_HASH/,
    );
    // Images are built from the repository, wherever the script was called.
    const built = machine.log.filter((line) => line.includes("docker build"));
    expect(built.every((line) => line.endsWith(` ${inRepository(".").replace(/\/$/, "")}`))).toBe(true);

    const status = await machine.limpet("status");
    expect(status).toMatchObject({ code: 0 });
    expect(status.stdout).toMatch(/^keda +2\.21\.0 deployed$/m);
    expect(status.stdout).toMatch(/^Deployment +test-gateway 1\/1 ready$/m);
    expect(status.stdout).toMatch(/^scaling +test-api-small-scaler Ready=True ScaledObjectReady/m);

    expect(machine.script(setup).code).toBe(0);
    expect(machine.log.filter((line) => line.includes("kind create"))).toHaveLength(1);
    expect(machine.log.filter((line) => line.includes("--install"))).toHaveLength(3);

    expect(machine.script(cleanup, "--level", "test").code).toBe(0);
    expect(machine.world.namespaces).not.toContain("percolate-test");
    expect(machine.script(cleanup, "--images").code).toBe(0);
    expect(machine.world).toMatchObject({ clusters: ["test-topology-2"], images: {} });
    const nothing = await machine.limpet("status");
    expect(nothing).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing stands") });
  });

  test("doctor is 0 where all is there", async () => {
    const { code, stdout } = await new Machine().limpet("doctor");
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("all there: limpet cluster up"),
    });
  });

  const lacking: readonly (readonly [string, Partial<World>, RegExp])[] = [
    [
      "kind too old",
      { tools: { ...quickWorld().tools, kind: "kind v0.20.0 go1.20.4 linux/amd64" } },
      /kind: 0\.20\.0\. 0\.33\.0 or newer is needed/,
    ],
    ["no daemon", { daemon: false }, /Docker daemon: does not answer: Cannot connect/],
    [
      "cgroup version 1",
      { cgroup: 1 },
      /cgroup: version 1\. Kubernetes 1\.35 and newer start on cgroup version 2/,
    ],
    ["a machine too small", { memoryGiB: 2 }, /machine: 2\.0 GiB, 4 CPUs\. .* asks for \d+ GiB/],
  ];

  test.each(lacking)("%s: 3, and nothing is started", async (_, change, said) => {
    const machine = new Machine({ ...quickWorld(), ...change });
    const { code, stderr } = await machine.limpet("up");
    expect(code).toBe(3);
    expect(stderr).toMatch(said);
    expect(machine.log.filter((line) => !/version|docker info/.test(line))).toEqual([]);
  });

  test("to look and to clean up an old program or a small machine will do", async () => {
    const tools = { ...quickWorld().tools, kind: "kind v0.20.0 go1.20.4 linux/amd64" };
    const machine = new Machine({ ...quickWorld(), tools, memoryGiB: 1, cgroup: 1 });
    expect(await machine.limpet("status")).toMatchObject({ code: 0 });
    expect(await machine.limpet("down")).toMatchObject({
      code: 0,
      stdout: "there was nothing to take off\n",
    });
  });

  test("a context that leads elsewhere: 3, and nothing is started", async () => {
    const contexts = { "kind-test-topology": "https://203.0.113.7" };
    const machine = new Machine({ ...quickWorld(), clusters: ["test-topology"], nodeRuns: true, contexts });
    for (const what of ["up", "status"]) {
      const { code, stderr } = await machine.limpet(what);
      expect({ code, stderr }).toMatchObject({
        code: 3,
        stderr: expect.stringContaining("leads to https://203.0.113.7"),
      });
    }
    expect(machine.log.filter((line) => /create|apply|build|install/.test(line))).toEqual([]);
  });

  test("a step that fails: 1, with its words and what to do next", async () => {
    const world = quickWorld();
    world.faults = [{ when: "docker build", does: "fails", says: "no space left on device", times: 9 }];
    const { code, stderr } = await new Machine(world).limpet("up");
    expect(code).toBe(1);
    expect(stderr).toContain("no space left on device");
    expect(stderr).toContain("limpet cluster up goes on where it stopped");
  });

  test("Ctrl-C ends what runs, and is 130", async () => {
    const world = quickWorld();
    world.faults = [{ when: "--install keda", does: "hangs", times: 1 }];
    const machine = new Machine(world);
    const started = startLimpet(["cluster", "up"], { env: machine.env });
    await eventually(
      () => machine.log.some((line) => line.includes("--install keda")),
      (reached) => reached,
      60_000,
    );
    started.signal("SIGINT");
    expect(await started.finished).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("interrupted. limpet cluster up goes on where it stopped"),
    });
    await eventually(
      () => standInsRunning(),
      (count) => count === 0,
    );
  });
});

describe("the scripts", () => {
  test.each(scripts)("%s is good bash", (script) => {
    expect(spawnSync("bash", ["-n", script])).toMatchObject({ status: 0 });
  });

  const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
  // In CI nothing may be skipped: without shellcheck these then fail.
  test.skipIf(!hasShellcheck && process.env["CI"] === undefined).each(scripts)(
    `%s passes shellcheck${hasShellcheck ? "" : " (skipped: shellcheck is not installed)"}`,
    (script) => {
      expect(spawnSync("shellcheck", [script], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: "",
      });
    },
  );
});

function standInsRunning(): number {
  if (!hasProc) return 0;
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(standIn);
    } catch {
      return false; // It ended while we looked.
    }
  }).length;
}
