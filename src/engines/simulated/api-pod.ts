/** The API program of a tier's pod: bounded work, tenants it knows, a drain. The rules of `src/services/api`. */
import type { Clock } from "../../clock/clock.ts";
import type { ApiConfig } from "../../services/api/config.ts";
import { TenantStore } from "../../services/api/tenant-store.ts";
import { LabelCap } from "../../services/shared/label-cap.ts";
import type { Probe } from "../../topology/types.ts";
import { Counters, sampleLine, type WantedMetrics } from "./exposition.ts";
import { type ProbeKind, type SimulatedProgram, probePage } from "./server.ts";
import type { RequestTimes } from "./request-times.ts";

export type PodAnswer = {
  readonly status: number;
  /** What a 2xx names. */
  readonly pod: string | null;
  readonly reason: string | null;
};

export type PodRequest = {
  readonly tenant: string;
  readonly path: string;
  readonly deadlineUs: number;
  /** Its number among all of the run, and how often it was tried before: what its times are drawn by. */
  readonly number: number;
  readonly attempt: number;
  /** Its tenant has a number: what is known of it stands with the population. */
  readonly numbered: boolean;
};

export type ApiPodOptions = {
  readonly config: ApiConfig;
  readonly clock: Clock;
  readonly times: RequestTimes;
  readonly wanted: WantedMetrics;
  readonly standIn: boolean;
  readonly onExit: (reason: string) => void;
};

/** Metrics of the program that change with each request. */
const COUNTED = [
  "test_tenant_requests_total",
  "test_tenant_requests",
  "test_api_in_progress",
  "test_api_queued",
  "test_api_tenants",
];

type Job = {
  readonly request: PodRequest;
  readonly settle: (answer: PodAnswer | "reset") => void;
  state: "waiting" | "running" | "refused" | "over";
};

const refusal = (status: number, reason: string): PodAnswer => ({ status, pod: null, reason });

export class ApiPod implements SimulatedProgram {
  readonly #options: ApiPodOptions;
  readonly #tenants: TenantStore;
  readonly #counters: Counters;
  readonly #tenantCap: LabelCap;
  readonly #open = new Set<Job>();
  #waiting: Job[] = [];
  #waitingCount = 0;
  #running = 0;
  #draining = false;
  #accepting = true;
  #gone = false;

  constructor(options: ApiPodOptions) {
    this.#options = options;
    this.#tenants = new TenantStore(options.config.maxTenants);
    this.#counters = new Counters(options.wanted);
    this.#tenantCap = new LabelCap(options.config.maxTenantSeries, () => {});
  }

  get accepting(): boolean {
    return this.#accepting && !this.#gone;
  }

  /** What a request finds while nothing changes here; null where only the whole way tells. */
  passage(path: string): { readonly atOnce: number; readonly inProgress: number } | null {
    const { config, wanted } = this.#options;
    if (
      this.#gone ||
      this.#draining ||
      path !== config.requestPath ||
      COUNTED.some((name) => wanted.has(name))
    )
      return null;
    return { atOnce: config.maxConcurrency, inProgress: this.#open.size };
  }

  /** How long after SIGTERM it still takes connections, and whoever is in it can end. */
  get drainDelayUs(): number {
    return this.#options.config.drainDelaySeconds * 1e6;
  }

  /** What each request takes, apart from what is drawn. */
  get workUs(): number {
    const { workMs, workMsMax } = this.#options.config;
    return Math.round(Math.min(workMs, workMsMax) * 1000);
  }

  /** Takes a request; `settle` is called once, later, unless the call is taken back. */
  handle(request: PodRequest, settle: Job["settle"]): () => void {
    const { config } = this.#options;
    const job: Job = { request, settle, state: "waiting" };
    this.#open.add(job);
    if (request.path !== config.requestPath) this.#refuse(job, refusal(404, "not_found"));
    else {
      const label = this.#tenantCap.label(request.tenant);
      this.#counters.inc(["test_tenant_requests_total", "test_tenant_requests"], {
        tenant_id: label,
        pod: config.pod,
        tier: config.tier,
      });
      if (this.#running < config.maxConcurrency) this.#start(job);
      else if (this.#waitingCount >= config.queueLimit) this.#refuse(job, refusal(503, "queue_full"));
      else {
        this.#waiting.push(job);
        this.#waitingCount++;
      }
    }
    return () => {
      const was = job.state;
      if (was === "over") return;
      this.#close(job);
      if (was === "running") this.#release();
      else if (was === "waiting") this.#waitingCount--;
    };
  }

  probe(probe: Probe, kind: ProbeKind): boolean {
    const page = probePage(probe, kind, this.#options.standIn);
    if (this.#gone || page === "none") return false;
    return page === "health" || !this.#draining;
  }

  scrape(path: string): string {
    const page = this.#options.standIn ? "/metrics" : path;
    if (page !== "/metrics") throw new Error("server returned HTTP status 404");
    const { wanted } = this.#options;
    const gauges: [string, number][] = [
      ["test_api_in_progress", this.#running],
      ["test_api_queued", this.#waitingCount],
      ["test_api_tenants", this.#tenants.size],
    ];
    return (
      this.#counters.page() +
      gauges.map(([name, value]) => (wanted.has(name) ? sampleLine(name, {}, value) : "")).join("")
    );
  }

  /** Seconds since each tenant's last answer, as `/tenants` tells a restarted gateway. */
  tenants(withinSeconds: number): Readonly<Record<string, number>> {
    return this.#tenants.secondsSinceLastAnswer(this.#options.clock.nowUs(), withinSeconds);
  }

  get pod(): string {
    return this.#options.config.pod;
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    const { clock, config } = this.#options;
    clock.at(clock.nowUs() + config.drainDelaySeconds * 1e6, () => {
      this.#accepting = false;
      if (this.#open.size === 0) return this.#exit("exit code 0");
      clock.at(clock.nowUs() + config.drainSeconds * 1e6, () => this.#exit("exit code 0"));
    });
  }

  die(): void {
    this.#gone = true;
    this.#accepting = false;
    for (const job of this.#open) {
      this.#close(job);
      job.settle("reset");
    }
  }

  #exit(reason: string): void {
    if (this.#gone) return;
    this.die();
    this.#options.onExit(reason);
  }

  #close(job: Job): void {
    job.state = "over";
    this.#open.delete(job);
    if (this.#draining && !this.#accepting && this.#open.size === 0) this.#exit("exit code 0");
  }

  #refuse(job: Job, answer: PodAnswer): void {
    const { clock, times } = this.#options;
    const { number, attempt } = job.request;
    job.state = "refused";
    clock.at(clock.nowUs() + times.overheadUs(number, attempt), () => {
      if (job.state === "over") return;
      this.#close(job);
      job.settle(answer);
    });
  }

  #start(job: Job): void {
    const { clock, times, config } = this.#options;
    const { number, attempt } = job.request;
    job.state = "running";
    this.#running++;
    clock.at(clock.nowUs() + this.workUs + times.overheadUs(number, attempt), () => {
      if (job.state === "over") return;
      if (!job.request.numbered) this.#tenants.answered(job.request.tenant, clock.nowUs());
      this.#close(job);
      this.#release();
      job.settle({ status: 200, pod: config.pod, reason: null });
    });
  }

  #release(): void {
    this.#running--;
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      if (job.state === "over") continue;
      this.#waitingCount--;
      if (this.#options.clock.nowUs() <= job.request.deadlineUs) return this.#start(job);
      this.#close(job);
      job.settle(refusal(504, "deadline_exceeded"));
    }
  }
}
