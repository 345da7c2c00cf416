/** A real Prometheus in the built-in one's place: it finds the pods by a file, scrapes them, and answers the queries. */
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { secondsToUs } from "../../../clock/clock.ts";
import { realMs } from "../../../clock/real-time.ts";
import type { WallClock } from "../../../clock/wall-clock.ts";
import type { ControlPlane } from "../../../controlplane/control-plane.ts";
import type { QuerySource } from "../../../controlplane/query-source.ts";
import { type ScrapedAt, scrapedAt } from "../../../controlplane/scraped-at.ts";
import type { PodIdentity } from "../../../controlplane/substrate.ts";
import type { TargetEvent } from "../../../events/types.ts";
import type { Program, Supervisor } from "../../../exec/supervisor.ts";
import { queryPrometheus } from "../../../metrics/query-client.ts";
import type { Topology } from "../../../topology/types.ts";
import { type BindAddress, portOrFree } from "../addresses.ts";
import type { Metrics } from "../metrics.ts";
import { restartDelaySeconds } from "../sidecars.ts";
import { type Target, prometheusConfig, prometheusFlags, targetGroups } from "./config.ts";

export type RealPrometheusOptions = {
  readonly topology: Topology;
  readonly clock: WallClock;
  /** Path of the program. */
  readonly prometheus: string;
  readonly supervisor: Supervisor;
  readonly scrapeAddressOf: (
    pod: PodIdentity,
    at: ScrapedAt,
  ) => (BindAddress & { readonly path: string }) | null;
  readonly emit: (event: TargetEvent) => void;
  readonly onLog: (level: "info" | "warn" | "error", message: string) => void;
};

/** KEDA's own patience with a metrics server: kedacore/keda, KEDA_HTTP_DEFAULT_TIMEOUT. */
const QUERY_TIMEOUT_MS = 3_000;
const MIN_REAL_TIMEOUT_MS = 1_000;
const START_LIMIT_MS = 60_000;
/** It hands changes of its targets on every 5 s (prometheus/prometheus discovery/manager.go), then scrapes. */
const FOUND_LIMIT_MS = 30_000;
const LOOK_MS = 100;
const TARGETS_PERIOD_MS = 500;

type Health = { readonly up: boolean; readonly error: string };

export class RealPrometheus implements Metrics {
  readonly #options: RealPrometheusOptions;
  readonly #folder: string;
  readonly #health = new Map<string, Health>();
  #port = 0;
  #program: Program | null = null;
  #restarts = 0;
  /** By order, as a fault. */
  #away = false;
  #closed = false;
  #targetsTimer: NodeJS.Timeout | undefined;

  constructor(options: RealPrometheusOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), "limpet-prometheus-"));
    options.supervisor.removeAtEnd(this.#folder);
    // Its targets are in a folder of their own: it looks again at each change in there.
    mkdirSync(join(this.#folder, "targets"));
    this.#writeTargets([]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  readonly discovery = (pods: readonly PodIdentity[]): void => {
    const { topology, scrapeAddressOf } = this.#options;
    const targets = pods.flatMap((pod): Target[] => {
      const at = scrapedAt(topology, pod);
      const where = at && scrapeAddressOf(pod, at);
      if (!at || !where) return [];
      const address = `${where.bindAddress}:${where.bindPort}`;
      return [{ address, path: where.path, labels: at.labels }];
    });
    this.#writeTargets(targets);
  };

  querySource(): QuerySource {
    const { clock } = this.#options;
    const timeoutMs = Math.max(MIN_REAL_TIMEOUT_MS, QUERY_TIMEOUT_MS / clock.speed);
    return {
      query: (query, timeUnixSeconds) =>
        queryPrometheus({
          baseUrl: this.url,
          query,
          timeUnixSeconds: this.#realUnixSeconds(timeUnixSeconds),
          timeoutMs,
        }),
    };
  }

  async start(_plane: ControlPlane, port: number): Promise<void> {
    const { topology, clock } = this.#options;
    this.#port = await portOrFree(port, "Prometheus");
    const config = prometheusConfig(topology.scrape, clock.speed, this.#targetsFile);
    writeFileSync(this.#configFile, JSON.stringify(config));
    this.#run();
    const ready = await this.#until(
      async () => (await statusOf(`${this.url}/-/ready`)) === 200,
      START_LIMIT_MS,
    );
    if (!ready) throw new Error(`Prometheus is not ready ${START_LIMIT_MS / 1000} s after its start`);
    this.#watchTargets();
  }

  async found(pods: readonly PodIdentity[]): Promise<void> {
    const { topology, onLog } = this.#options;
    const wanted = pods.flatMap((pod) => scrapedAt(topology, pod)?.instance ?? []);
    const missing = (): string[] => wanted.filter((instance) => this.#health.get(instance)?.up !== true);
    const all = await this.#until(async () => {
      if (missing().length > 0) await this.#lookAtTargets();
      return missing().length === 0;
    }, FOUND_LIMIT_MS);
    if (!all && !this.#closed)
      onLog("warn", `Prometheus has not read ${missing().join(", ")} within ${FOUND_LIMIT_MS / 1000} s`);
  }

  async stopFor(seconds: number): Promise<void> {
    const { clock } = this.#options;
    this.#away = true;
    this.#program?.signal("SIGKILL");
    await this.#program?.exited;
    clock.at(clock.nowUs() + secondsToUs(seconds), () => {
      this.#away = false;
      this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#targetsTimer);
    // What it has stored goes with the run.
    this.#program?.signal("SIGKILL");
    await this.#program?.exited;
  }

  get #configFile(): string {
    return join(this.#folder, "prometheus.json");
  }

  get #targetsFile(): string {
    return join(this.#folder, "targets", "pods.json");
  }

  #writeTargets(targets: readonly Target[]): void {
    const fresh = join(this.#folder, "pods.new");
    writeFileSync(fresh, JSON.stringify(targetGroups(targets)));
    renameSync(fresh, this.#targetsFile);
  }

  /** KEDA asks about a whole second of topology time; at another speed that is an instant between two real ones. */
  #realUnixSeconds(timeUnixSeconds: number): number {
    const { clock } = this.#options;
    if (clock.speed === 1) return timeUnixSeconds;
    const realUnixMs = clock.realUnixMsAt(secondsToUs(timeUnixSeconds - clock.epochUnixSeconds));
    return Math.floor(realUnixMs) / 1000;
  }

  #run(): void {
    if (this.#closed) return;
    const { supervisor, prometheus, clock, onLog } = this.#options;
    let lastWords = "";
    const program = supervisor.start({
      name: "prometheus",
      command: [
        prometheus,
        ...prometheusFlags({
          configFile: this.#configFile,
          dataFolder: join(this.#folder, "data"),
          port: this.#port,
          speed: clock.speed,
        }),
      ],
      env: {},
      onStderrLine: (line) => {
        lastWords = line.slice(0, 500);
        onLog("warn", `prometheus: ${lastWords}`);
      },
    });
    this.#program = program;
    void program.exited.then((exit) => {
      if (this.#closed || this.#away) return;
      const how = exit.error ?? exit.signal ?? `exit code ${exit.code}`;
      onLog("error", `prometheus ended: ${how}${lastWords === "" ? "" : `: ${lastWords}`}`);
      const delaySeconds = restartDelaySeconds(this.#restarts++);
      clock.at(clock.nowUs() + secondsToUs(delaySeconds), () => {
        if (!this.#away) this.#run();
      });
    });
  }

  #watchTargets(): void {
    const look = async (): Promise<void> => {
      await this.#lookAtTargets();
      if (!this.#closed) this.#targetsTimer = setTimeout(() => void look(), TARGETS_PERIOD_MS);
    };
    void look();
  }

  /** Notes and reports which targets have begun to answer, or stopped. */
  async #lookAtTargets(): Promise<void> {
    const { clock, emit } = this.#options;
    const now = await targetsOf(this.url);
    if (now === null || this.#closed) return;
    for (const [instance, { up, error }] of now) {
      if (this.#health.get(instance)?.up === up) continue;
      const why = up ? {} : { error };
      emit({ type: "target", atUs: clock.nowUs(), instance, up, ...why });
    }
    this.#health.clear();
    for (const [instance, health] of now) this.#health.set(instance, health);
  }

  async #until(holds: () => Promise<boolean>, limitMs: number): Promise<boolean> {
    const untilMs = realMs() + limitMs;
    while (!(await holds())) {
      if (realMs() > untilMs || this.#closed) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return true;
  }
}

const statusOf = (url: string): Promise<number | null> =>
  request(url).then(
    async ({ statusCode, body }) => {
      await body.dump();
      return statusCode;
    },
    () => null,
  );

type ActiveTarget = {
  readonly labels: { readonly instance?: string };
  readonly health: string;
  readonly lastError: string;
};

/** By instance; null where there is no answer. Targets that were not scraped yet are left out. */
async function targetsOf(url: string): Promise<Map<string, Health> | null> {
  try {
    const { body } = await request(`${url}/api/v1/targets?state=active`);
    const { data } = (await body.json()) as { readonly data: { readonly activeTargets: ActiveTarget[] } };
    const known = data.activeTargets.filter(({ health }) => health !== "unknown");
    return new Map(
      known.map(({ labels, health, lastError }) => [
        labels.instance ?? "",
        { up: health === "up", error: lastError },
      ]),
    );
  } catch {
    return null;
  }
}
