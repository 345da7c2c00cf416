/**
 * The images of `k8s/test-topology/images/`, built and run by a real Docker daemon as the manifests want them run. The base
 * image that the Dockerfiles pin cannot be pulled here; one of this machine's Node is put in its place by build argument.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadTopology } from "../src/topology/load.ts";
import type { Workload } from "../src/topology/types.ts";
import { Docker, whyNoDocker } from "./docker.ts";
import { emptyFolder, eventually, inRepository } from "./kit.ts";

const BASE = "limpet-base:test";
const folderOf = (name: string): string => `k8s/test-topology/images/${name}`;
const why = whyNoDocker();

// In CI nothing may be skipped: without a daemon these then fail.
describe.skipIf(why !== null && process.env["CI"] === undefined)(
  `images${why === null ? "" : ` (skipped: ${why})`}`,
  () => {
    let docker: Docker;
    let workloads: readonly Workload[];
    beforeAll(async () => {
      docker = await Docker.start();
      docker.makeBaseImage(BASE);
      const topology = await loadTopology({ path: inRepository("k8s/test-topology") });
      workloads = [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)];
    });
    afterAll(async () => await docker?.[Symbol.asyncDispose]());

    const imageOf = (name: string): string =>
      workloads.map(({ container }) => container.image).find((image) => image.includes(`/${name}:`))!;

    /** As the manifests run it: their environment, the root file system read-only, no capabilities. */
    function start(name: string, env: Readonly<Record<string, string>>): Container {
      const { container } = workloads.find((workload) => workload.container.image === imageOf(name))!;
      const fromManifest = Object.fromEntries(
        container.env.flatMap((entry) => ("value" in entry ? [[entry.name, entry.value]] : [])),
      );
      const all = Object.entries({ ...fromManifest, LISTEN_ADDRESS: "127.0.0.1", PORT: "0", ...env });
      const id = docker
        .run(
          "run",
          "--detach",
          "--pull=never",
          "--network",
          "host",
          "--read-only",
          "--cap-drop",
          "ALL",
          "--security-opt",
          "no-new-privileges",
          ...all.flatMap(([key, value]) => ["--env", `${key}=${value}`]),
          imageOf(name),
        )
        .trim();
      return new Container(docker, id);
    }

    const programs = [
      ["test-gateway", "gateway"],
      ["test-api", "api"],
    ] as const;

    test.each(programs)("%s builds without any network", (name) => {
      const built = docker.try(
        "build",
        "--network",
        "none",
        "--build-arg",
        `NODE_IMAGE=${BASE}`,
        "--file",
        inRepository(`${folderOf(name)}/Dockerfile`),
        "--tag",
        imageOf(name),
        inRepository("."),
      );
      expect(built).toMatchObject({ status: 0 });
    });

    test.each(programs)("%s pins its base by digest", (name) => {
      const dockerfile = readFileSync(inRepository(`${folderOf(name)}/Dockerfile`), "utf8");
      expect(dockerfile).toMatch(/^ARG NODE_IMAGE=\S+:\d+\.\d+\.\d+-\S+@sha256:[0-9a-f]{64}$/m);
      // Every stage stands on it.
      expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])).toEqual(
        Array.from({ length: 2 }, () => "${NODE_IMAGE}"),
      );
    });

    test.each(programs)(
      "%s holds the program that the local engine runs, and little else",
      (name, program) => {
        const id = docker.run("create", imageOf(name)).trim();
        const copy = join(emptyFolder(), "main.js");
        docker.run("cp", `${id}:/app/main.js`, copy);
        expect(
          readFileSync(copy).equals(readFileSync(inRepository(`dist/services/${program}/main.js`))),
        ).toBe(true);
        const ofBase = Number(docker.run("image", "inspect", "--format", "{{.Size}}", BASE));
        const ofImage = Number(docker.run("image", "inspect", "--format", "{{.Size}}", imageOf(name)));
        expect(ofImage - ofBase).toBeLessThan(2_000_000);
      },
    );

    test("the API answers, as a user with a number, on a file system that nobody can write", async () => {
      const api = start("test-api", { POD_NAME: "test-api-small-0" });
      const url = await api.url();
      expect(await jsonOf(`${url}/health`)).toMatchObject({ status: "healthy", pod: "test-api-small-0" });
      expect(await jsonOf(`${url}/ready`)).toMatchObject({ status: "ready" });
      expect(await jsonOf(`${url}/process`, { "x-tenant-id": "a" })).toMatchObject({
        pod: "test-api-small-0",
        tenant_id: "a",
        tier: "small",
      });
      expect(await (await fetch(`${url}/metrics`)).text()).toContain(
        'test_tenant_requests_total{tenant_id="a"',
      );
      expect(api.ids()).toEqual({ uid: "10001", gid: "10001" });
      expect(api.rootMount()).toMatch(/^ro(,|$)/);
    });

    test("the gateway passes on to the API, and tells its metrics", async () => {
      const api = start("test-api", { POD_NAME: "test-api-small-0" });
      const backend = { url: await api.url() };
      const gateway = start("test-gateway", { BACKENDS: JSON.stringify({ small: backend }), POD_NAME: "gw" });
      const url = await gateway.url();
      await eventually(
        async () => (await fetch(`${url}/ready`)).status,
        (status) => status === 200,
      );
      expect(await jsonOf(`${url}/request`, { "x-tenant-id": "a" })).toMatchObject({
        pod: "test-api-small-0",
      });
      expect(await jsonOf(`${url}/simulate/b?duration=1`)).toMatchObject({ tenant_id: "b" });
      expect(await jsonOf(`${url}/health`)).toMatchObject({ active_tenants: 2 });
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('test_active_tenants{tier="small"} 2');
      expect(gateway.ids()).toEqual({ uid: "10001", gid: "10001" });
      expect(gateway.rootMount()).toMatch(/^ro(,|$)/);
    });

    test("the gateway starts with the manifest's environment as it stands", async () => {
      const gateway = start("test-gateway", { POD_NAME: "test-gateway-0" });
      const url = await gateway.url();
      expect(await jsonOf(`${url}/health`)).toMatchObject({ status: "healthy", active_tenants: 0 });
      for (const tier of ["small", "medium", "large"])
        expect(await (await fetch(`${url}/metrics`)).text()).toContain(`test_active_tenants{tier="${tier}"}`);
    });

    test.each(programs)(
      "%s drains on SIGTERM: what is in progress is answered, then it ends with 0",
      async (name) => {
        const api = start("test-api", { POD_NAME: "test-api-small-0" });
        const backends = JSON.stringify({ small: { url: await api.url() } });
        const ended = name === "test-api" ? api : start(name, { BACKENDS: backends, POD_NAME: "gw" });
        const url = await ended.url();
        const path = name === "test-api" ? "/process" : "/request";
        const headers = { "x-tenant-id": "a", "x-work-ms": "3000" };
        const answer = jsonOf(`${url}${path}`, headers);
        await eventually(
          async () =>
            (await (await fetch(`${await api.url()}/metrics`)).text()).match(
              /^test_api_in_progress (\d+)/m,
            )?.[1],
          (count) => count === "1",
        );
        docker.run("kill", "--signal", "SIGTERM", ended.id);
        expect(await answer).toMatchObject({ pod: "test-api-small-0" });
        expect(docker.run("wait", ended.id).trim()).toBe("0");
      },
    );
  },
);

class Container {
  readonly #docker: Docker;
  readonly id: string;

  constructor(docker: Docker, id: string) {
    this.#docker = docker;
    this.id = id;
  }

  /** From the line that each of our programs prints once it listens. */
  async url(): Promise<string> {
    const line = await eventually(
      () =>
        this.#docker
          .run("logs", this.id)
          .split("\n")
          .find((text) => text.includes('"listening"')) ?? null,
      (found) => found !== null,
    );
    const { address, port } = JSON.parse(line!) as { address: string; port: number };
    return `http://${address}:${port}`;
  }

  ids(): { uid: string | undefined; gid: string | undefined } {
    const status = readFileSync(`/proc/${this.#pid()}/status`, "utf8");
    return { uid: /^Uid:\t(\d+)/m.exec(status)?.[1], gid: /^Gid:\t(\d+)/m.exec(status)?.[1] };
  }

  /** The options of the mount that the program has for a root, as the kernel tells them. */
  rootMount(): string | undefined {
    const mounts = readFileSync(`/proc/${this.#pid()}/mountinfo`, "utf8");
    return /^\S+ \S+ \S+ \S+ \/ (\S+)/m.exec(mounts)?.[1];
  }

  #pid(): string {
    return this.#docker.run("inspect", "--format", "{{.State.Pid}}", this.id).trim();
  }
}

async function jsonOf(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  return await (await fetch(url, { headers })).json();
}
