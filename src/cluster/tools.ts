/** The programs that set-up and clean-up need: which versions, what is missing, where to get it. */
import type { Command, Outcome } from "../exec/run-command.ts";
import { MACHINE, PINS } from "./pins.ts";

export type ToolName = "docker" | "kind" | "kubectl" | "helm";

export type Tool = {
  readonly name: ToolName;
  readonly ask: Command;
  readonly versionIn: RegExp;
  /** The oldest version that will do, and why. */
  readonly atLeast: string;
  readonly because: string;
  readonly get: string;
};

/** kubectl speaks to servers one minor version newer than itself, no more. */
const oldestKubectl = PINS.kubernetes.replace(/^1\.(\d+)\..*$/, (_, minor) => `1.${Number(minor) - 1}.0`);

export const TOOLS: readonly Tool[] = [
  {
    name: "docker",
    ask: { program: "docker", args: ["--version"] },
    versionIn: /version (\d+\.\d+\.\d+)/,
    atLeast: "20.10.0",
    because: "kind needs it",
    get: "https://docs.docker.com/engine/install/, on Debian and Ubuntu: apt-get install docker.io",
  },
  {
    name: "kind",
    ask: { program: "kind", args: ["version"] },
    versionIn: /v(\d+\.\d+\.\d+)/,
    atLeast: "0.33.0",
    because: `its release made the node image of Kubernetes ${PINS.kubernetes}`,
    get: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation, or: go install sigs.k8s.io/kind@v0.33.0",
  },
  {
    name: "kubectl",
    ask: { program: "kubectl", args: ["version", "--client", "--output", "json"] },
    versionIn: /"gitVersion":\s*"v(\d+\.\d+\.\d+)/,
    atLeast: oldestKubectl,
    because: `the cluster is Kubernetes ${PINS.kubernetes}, and kubectl may be one minor version older`,
    get: "https://kubernetes.io/docs/tasks/tools/#kubectl",
  },
  {
    name: "helm",
    ask: { program: "helm", args: ["version", "--template", "{{.Version}}"] },
    // Built by `go install` it leaves out the last part.
    versionIn: /v(\d+\.\d+(?:\.\d+)?)/,
    atLeast: "3.14.0",
    because: "it installs Istio and KEDA (istioctl is not needed)",
    get: "https://helm.sh/docs/intro/install/",
  },
];

/** The daemon and the machine that it runs on. */
export const ASK_DAEMON: Command = {
  program: "docker",
  args: ["info", "--format", "{{.MemTotal}} {{.NCPU}} {{.CgroupVersion}} {{.ServerVersion}}"],
};

export type Finding = {
  readonly name: string;
  readonly ok: boolean;
  /** Without it nothing can be asked at all; otherwise it is too old or too small. */
  readonly vital: boolean;
  /** What was found. */
  readonly found: string;
  /** What to do; only where it is not ok. */
  readonly remedy: string | null;
};

export function judgeTool(tool: Tool, outcome: Outcome): Finding {
  const { name, get } = tool;
  if (outcome.ended === "not found")
    return {
      name,
      ok: false,
      vital: true,
      found: "not found on PATH",
      remedy: `Needed: ${tool.because}. Get it: ${get}`,
    };
  const version = tool.versionIn.exec(outcome.stdout + outcome.stderr)?.[1];
  if (version === undefined)
    return {
      name,
      ok: false,
      vital: true,
      found: `gives no version: ${lastLine(outcome)}`,
      remedy: `version ${tool.atLeast} or newer is needed. Get it: ${get}`,
    };
  if (isOlder(version, tool.atLeast))
    return {
      name,
      ok: false,
      vital: false,
      found: version,
      remedy: `${tool.atLeast} or newer is needed: ${tool.because}. Get it: ${get}`,
    };
  return { name, ok: true, vital: true, found: version, remedy: null };
}

/** Whether the daemon answers; then, whether its machine is of the right kind and large enough. */
export function judgeDaemon(outcome: Outcome): readonly Finding[] {
  const answer = /^(\d+) (\d+) (\d*) (\S+)/.exec(outcome.stdout);
  if (outcome.code !== 0 || answer === null || Number(answer[1]) === 0)
    return [
      {
        name: "Docker daemon",
        ok: false,
        vital: true,
        found: `does not answer: ${lastLine(outcome)}`,
        remedy:
          "Start it (systemctl start docker, or Docker Desktop), or set DOCKER_HOST to where it listens",
      },
    ];
  const [memory, cpus] = [Number(answer[1]) / 2 ** 30, Number(answer[2])];
  const enough = memory >= MACHINE.memoryGiB * 0.95 && cpus >= MACHINE.cpus;
  return [
    { name: "Docker daemon", ok: true, vital: true, found: answer[4]!, remedy: null },
    {
      name: "cgroup",
      vital: false,
      ok: answer[3] === "2",
      found: `version ${answer[3]}`,
      remedy:
        answer[3] === "2"
          ? null
          : "Kubernetes 1.35 and newer start on cgroup version 2 alone: boot the machine with systemd.unified_cgroup_hierarchy=1",
    },
    {
      name: "machine",
      vital: false,
      ok: enough,
      found: `${memory.toFixed(1)} GiB, ${cpus} CPUs`,
      remedy: enough
        ? null
        : `One tier at its maximum asks for ${MACHINE.memoryGiB} GiB and ${MACHINE.cpus} CPUs: give the Docker daemon's machine more`,
    },
  ];
}

/** Semantic versions without pre-releases. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [version.split(".").map(Number), other.split(".").map(Number)];
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return (a[i] ?? 0) < (b[i] ?? 0);
  return false;
}

export const lastLine = ({ stdout, stderr, ended, code }: Outcome): string =>
  (stderr.trim() || stdout.trim()).split("\n").at(-1) ||
  (ended === "by itself" ? `exit code ${code}, and not a word` : ended);
