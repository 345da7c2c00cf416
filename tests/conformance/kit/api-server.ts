/** A kube-apiserver on an etcd, on loopback, for one test: no controllers, no nodes; what is stored is what is answered. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../kit.ts";

const TOKEN = "admin-token-of-this-test";

export class ApiServer implements AsyncDisposable {
  readonly url: string;
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #programs: readonly ChildProcess[];

  private constructor(folder: string, url: string, programs: readonly ChildProcess[]) {
    this.#folder = folder;
    this.#programs = programs;
    this.url = url;
    this.kubeconfig = join(folder, "kubeconfig");
  }

  /** `context` is the name of the one context that its kubeconfig has. */
  static async start(
    programs: { readonly apiServer: string; readonly kubectl: string },
    context: string,
  ): Promise<ApiServer> {
    const folder = mkdtempSync(join(tmpdir(), "limpet-api-server-"));
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = join(folder, "sa.key");
    writeFileSync(key, keys.privateKey.export({ type: "pkcs1", format: "pem" }));
    writeFileSync(join(folder, "tokens.csv"), `${TOKEN},admin,admin,system:masters\n`);
    const log = openSync(join(folder, "log"), "w");
    const start = (program: string, args: readonly string[]): ChildProcess =>
      spawn(program, args, { stdio: ["ignore", log, log] });
    const etcdUrl = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    const etcd = start("etcd", [
      "--data-dir",
      join(folder, "etcd"),
      ...["client", "peer"].flatMap((kind) => [
        `--listen-${kind}-urls`,
        kind === "client" ? etcdUrl : peerUrl,
      ]),
      "--advertise-client-urls",
      etcdUrl,
      "--initial-advertise-peer-urls",
      peerUrl,
      "--initial-cluster",
      `default=${peerUrl}`,
    ]);
    const server = start(programs.apiServer, [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      `--cert-dir=${join(folder, "certs")}`,
      `--token-auth-file=${join(folder, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      // Nobody makes the tokens that it would wait for.
      "--disable-admission-plugins=ServiceAccount",
    ]);
    const url = `https://127.0.0.1:${port}`;
    const api = new ApiServer(folder, url, [etcd, server]);
    writeFileSync(api.kubeconfig, JSON.stringify(kubeconfigOf(context, url)));
    const args = ["--kubeconfig", api.kubeconfig, "get", "--raw", "/readyz"];
    await eventually(
      () =>
        server.exitCode !== null || spawnSync(programs.kubectl, args).status === 0
          ? (server.exitCode ?? 0)
          : -1,
      (code) => code >= 0,
      180_000,
    );
    if (server.exitCode === null) return api;
    throw new Error(
      `kube-apiserver does not start:\n${readFileSync(join(folder, "log"), "utf8").slice(-3000)}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.toReversed()) {
      if (program.exitCode !== null || program.signalCode !== null) continue;
      const gone = once(program, "exit");
      program.kill("SIGKILL");
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const kubeconfigOf = (context: string, server: string): object => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": context,
  clusters: [{ name: context, cluster: { server, "insecure-skip-tls-verify": true } }],
  users: [{ name: context, user: { token: TOKEN } }],
  contexts: [{ name: context, context: { cluster: context, user: context } }],
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** The folder of a Go module's sources, from the module cache: where KEDA and Istio keep their custom resource definitions. */
export function goModule(module: string): string {
  const told = execFileSync("go", ["mod", "download", "-json", module], {
    cwd: tmpdir(),
    encoding: "utf8",
    env: { ...process.env, GOFLAGS: "-mod=mod" },
  });
  return (JSON.parse(told) as { Dir: string }).Dir;
}
