/**
 * What a gateway does before it says how many tenants are active. A pod that was just started knows nobody, and to publish 0
 * would tell KEDA that nobody is here. So per tier: no pod in the headless name, nobody is active; otherwise each of those pods
 * is asked for its tenants (`/tenants`), over and over until every one has answered or refused the connection (then nobody
 * listens there who could know).
 */
import { request } from "node:http";
import { type Clock, secondsToUs, sleep } from "../../clock/clock.ts";
import { guardUs } from "../shared/guard.ts";
import { isRecord } from "../shared/env.ts";
import type { Log } from "../shared/log.ts";
import { isTenantId } from "../shared/tenant-id.ts";
import { codeOf, proxySaysRefused } from "./classify.ts";
import type { Endpoint, Names } from "./names.ts";

export type TenantsOfPod = {
  readonly pod: string | null;
  readonly secondsSince: ReadonlyMap<string, number>;
};

/** How asking one pod ended; `refused` and `unknown` (it has no `/tenants`) leave nothing to wait for. */
export type PodReading = TenantsOfPod | "refused" | "unknown" | "again";

const ROUND_SECONDS = 1;
const ASK_SECONDS = 5;
const ANSWER_LIMIT_BYTES = 32 << 20;
const ASKED_AT_ONCE = 16;

export type RecoveryOptions = {
  readonly tier: string;
  readonly headless: string | null;
  readonly idleSeconds: number;
  readonly names: Names;
  readonly clock: Clock;
  readonly log: Log;
  readonly onTenants: (reading: TenantsOfPod, atUs: number) => void;
};

export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #read = new Set<string>();
  readonly #stop = new AbortController();
  #complete: boolean;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#complete = options.headless === null;
  }

  /** Whether the number of active tenants may be published. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Runs until complete or stopped. */
  async run(): Promise<void> {
    const { clock, log, tier } = this.#options;
    for (let rounds = 1; !this.#complete && !this.#stop.signal.aborted; rounds++) {
      try {
        this.#complete = await this.#round();
      } catch (error) {
        // Once is a resolver that is still starting; more is worth a line, and then now and again.
        if (rounds % 30 === 2) log("warn", "cannot list the pods of a tier", { tier, detail: String(error) });
      }
      if (!this.#complete) await sleep(clock, secondsToUs(ROUND_SECONDS), this.#stop.signal);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #round(): Promise<boolean> {
    const { headless, names } = this.#options;
    if (headless === null) return true;
    const pods = await names.pods(headless);
    const missing = pods.filter((pod) => !this.#read.has(keyOf(pod)));
    for (let at = 0; at < missing.length; at += ASKED_AT_ONCE) {
      await Promise.all(missing.slice(at, at + ASKED_AT_ONCE).map((pod) => this.#ask(pod)));
    }
    return pods.every((pod) => this.#read.has(keyOf(pod)));
  }

  async #ask(pod: Endpoint): Promise<void> {
    const { names, clock, log, tier, idleSeconds } = this.#options;
    // A name that is gone since the list was made is not in the next list either.
    const [address] = await names.addresses(pod.name).catch(() => []);
    if (address === undefined) return;
    const reading = await askPod(address, pod.port, idleSeconds, clock, this.#stop.signal);
    if (reading === "again") return;
    if (reading === "unknown") log("warn", "a pod does not tell its tenants", { tier, pod: pod.name });
    else if (reading !== "refused") this.#options.onTenants(reading, clock.nowUs());
    this.#read.add(keyOf(pod));
  }
}

const keyOf = ({ name, port }: Endpoint): string => `${name}:${port}`;

function askPod(
  address: string,
  port: number,
  idleSeconds: number,
  clock: Clock,
  stop: AbortSignal,
): Promise<PodReading> {
  return new Promise((resolve) => {
    const path = `/tenants?within=${idleSeconds}`;
    const settle = (reading: PodReading): void => {
      timer.cancel();
      stop.removeEventListener("abort", giveUp);
      resolve(reading);
      req.destroy();
    };
    const giveUp = (): void => settle("again");
    const timer = clock.at(clock.nowUs() + guardUs(clock, ASK_SECONDS), giveUp);
    stop.addEventListener("abort", giveUp);
    const req = request({ host: address, port, path, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      let size = 0;
      res.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_LIMIT_BYTES) giveUp();
        else chunks.push(chunk);
      });
      res.on("error", giveUp);
      res.on("end", () => settle(readTenants(res.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"))));
    });
    req.on("error", (error) => settle(codeOf(error) === "ECONNREFUSED" ? "refused" : "again"));
    req.end();
  });
}

/** What an answer to `/tenants` says. Pure. */
export function readTenants(status: number, body: string): PodReading {
  if (proxySaysRefused(status, body)) return "refused";
  // A program that is not ours answers so; waiting would not make it tell.
  if (status === 404 || status === 405 || status === 501) return "unknown";
  if (status !== 200) return "again";
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "unknown";
  }
  if (!isRecord(parsed) || !isRecord(parsed["tenants"])) return "unknown";
  const secondsSince = new Map<string, number>();
  for (const [tenant, seconds] of Object.entries(parsed["tenants"])) {
    if (isTenantId(tenant) && typeof seconds === "number" && seconds >= 0) secondsSince.set(tenant, seconds);
  }
  const pod = parsed["pod"];
  return { pod: typeof pod === "string" && pod !== "" ? pod : null, secondsSince };
}
