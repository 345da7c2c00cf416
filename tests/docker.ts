/**
 * A Docker daemon of a test's own: its own socket and folders, no network of its own (containers use the machine's), and a
 * base image made of this machine's Node, because no registry is asked for anything.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "./kit.ts";

/** Why there can be no daemon here; null where there can. */
export function whyNoDocker(): string | null {
  if (process.platform !== "linux") return "dockerd runs on Linux";
  if (process.getuid?.() !== 0) return "dockerd needs root";
  for (const program of ["dockerd", "docker"])
    if (spawnSync(program, ["--version"]).status !== 0) return `${program} is not installed`;
  return null;
}

export class Docker implements AsyncDisposable {
  readonly host: string;
  readonly #folder: string;
  readonly #daemon: ChildProcess;
  readonly #endAtExit = (): void => void this.#daemon.kill("SIGTERM");

  private constructor(folder: string, daemon: ChildProcess) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.host = socketOf(folder);
    process.once("exit", this.#endAtExit);
  }

  static async start(): Promise<Docker> {
    const folder = mkdtempSync(join(tmpdir(), "limpet-docker-"));
    const daemon = spawn(
      "dockerd",
      [
        "--host",
        socketOf(folder),
        "--pidfile",
        join(folder, "pid"),
        "--data-root",
        join(folder, "data"),
        "--exec-root",
        join(folder, "exec"),
        "--iptables=false",
        "--ip-masq=false",
        "--bridge=none",
      ],
      { stdio: ["ignore", "ignore", openSync(join(folder, "log"), "w")] },
    );
    const docker = new Docker(folder, daemon);
    const answers = await eventually(
      () => daemon.exitCode ?? docker.try("info", "--format", "{{.ServerVersion}}").status,
      (status) => status === 0 || daemon.exitCode !== null,
      60_000,
    );
    if (daemon.exitCode === null && answers === 0) return docker;
    throw new Error(`dockerd does not start:\n${readFileSync(join(folder, "log"), "utf8").slice(-2000)}`);
  }

  run(...args: string[]): string {
    return execFileSync("docker", args, {
      encoding: "utf8",
      env: this.#env(),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  try(...args: string[]): { readonly status: number | null; readonly said: string } {
    const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8", env: this.#env() });
    return { status, said: stdout + stderr };
  }

  /**
   * An image with this machine's Node and npm, npm's settings and its cache, and nothing else: no shell, no other program.
   * With the cache a build needs no network at all.
   */
  makeBaseImage(name: string): void {
    const root = join(this.#folder, "base");
    const put = (from: string, to: string): void => {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      cpSync(from, join(root, to), { recursive: true, dereference: true });
    };
    const npm = join(
      dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())),
      "..",
    );
    put(process.execPath, "/usr/local/bin/node");
    put("/usr/bin/env", "/usr/bin/env");
    put(npm, "/usr/local/lib/node_modules/npm");
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
    const needed = execFileSync("ldd", [process.execPath, "/usr/bin/env"], { encoding: "utf8" });
    for (const library of new Set(needed.match(/\/\S+\.so\S*/g))) put(library, library);
    const setting = (key: string): string =>
      execFileSync("npm", ["config", "get", key], { encoding: "utf8" }).trim();
    put(join(setting("cache"), "_cacache"), "/root/.npm/_cacache");
    for (const [key, to] of [
      ["userconfig", "/root/.npmrc"],
      ["globalconfig", "/usr/local/etc/npmrc"],
      ["cafile", setting("cafile")],
    ] as const)
      if (existsSync(setting(key))) put(setting(key), to);
    const tar = join(this.#folder, "base.tar");
    execFileSync("tar", ["-C", root, "-cf", tar, "."]);
    this.run("import", "--change", "ENV PATH=/usr/local/bin:/usr/bin HOME=/root", tar, name);
    rmSync(root, { recursive: true });
    rmSync(tar);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = this.run("ps", "--all", "--quiet").split("\n").filter(Boolean);
    if (containers.length > 0) this.run("rm", "--force", ...containers);
    const gone = new Promise((resolve) => this.#daemon.once("exit", resolve));
    this.#daemon.kill("SIGTERM");
    await gone;
    process.removeListener("exit", this.#endAtExit);
    // What dockerd mounted into its folders it leaves behind.
    for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n").reverse()) {
      const target = line.split(" ")[1] ?? "";
      if (target.startsWith(`${this.#folder}/`)) spawnSync("umount", [target]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, DOCKER_HOST: this.host, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" };
  }
}

const socketOf = (folder: string): string => `unix://${join(folder, "docker.sock")}`;
