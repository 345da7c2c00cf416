/** Prometheus' scrape loops over the pods that ask for it by annotation, into the built-in store. */
import { type Clock, type Timer, secondsToUs, unixMsAt } from "../clock/clock.ts";
import type { PhaseEvent, TargetEvent } from "../events/types.ts";
import { ScrapeIngest, ingestScrape } from "../metrics/scrape-ingest.ts";
import type { Tsdb } from "../metrics/tsdb.ts";
import { stream } from "../seed/seed.ts";
import type { Topology } from "../topology/types.ts";
import type { Kubelet, LivePod } from "./kubelet.ts";
import { startLoop } from "./loop.ts";
import { scrapedAt } from "./scraped-at.ts";
import type { PodIdentity, Substrate } from "./substrate.ts";

export type ScraperOptions = {
  readonly clock: Clock;
  readonly seed: number;
  readonly topology: Topology;
  readonly kubelet: Kubelet;
  readonly substrate: Substrate;
  readonly tsdb: Tsdb;
  readonly emit: (event: TargetEvent | PhaseEvent) => void;
  readonly onLate: (loop: string, lateUs: number) => void;
};

export type TargetState = {
  readonly pod: string;
  readonly instance: string;
  readonly job: string;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly lastDurationSeconds: number;
  readonly up: boolean | null;
  readonly lastError: string | null;
  readonly lastScrapeAtUs: number | null;
};

type Target = { -readonly [K in keyof TargetState]: TargetState[K] } & {
  loop: Timer;
  ingest: ScrapeIngest;
  uid: string;
};

export class Scraper {
  readonly #options: ScraperOptions;
  readonly #targets = new Map<string, Target>();
  #down = false;

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  targets(): readonly TargetState[] {
    return [...this.#targets.values()];
  }

  /** The fault "Prometheus is away": nothing is scraped until `up` again. */
  setDown(down: boolean): void {
    this.#down = down;
  }

  /** Pods came or went: start and stop loops. */
  changed(): void {
    const pods = this.#options.kubelet.pods();
    const alive = new Set(pods.map(({ identity }) => identity.uid));
    for (const target of this.#targets.values()) if (!alive.has(target.uid)) this.#remove(target);
    for (const pod of pods) if (!this.#targets.has(pod.identity.uid)) this.#add(pod);
  }

  stop(): void {
    for (const target of this.#targets.values()) target.loop.cancel();
  }

  #add({ identity }: LivePod): void {
    const { clock, seed, topology, onLate, tsdb } = this.#options;
    const asked = scrapedAt(topology, identity);
    if (asked === null) return;
    const { port, path, instance, labels } = asked;
    const periodUs = secondsToUs(topology.scrape.scrapeIntervalSeconds);
    const phaseUs = stream(seed, `phase/scrape/${identity.name}`).below(periodUs);
    const nowUs = clock.nowUs();
    // A target's scrapes fall on its own phase of the interval, wherever in it the pod appeared.
    const firstAtUs = nowUs + ((((phaseUs - nowUs) % periodUs) + periodUs) % periodUs);
    this.#options.emit({ type: "phase", atUs: nowUs, loop: `scrape ${identity.name}`, periodUs, phaseUs });
    const target: Target = {
      pod: identity.name,
      uid: identity.uid,
      instance,
      job: topology.scrape.name,
      path,
      labels,
      intervalSeconds: topology.scrape.scrapeIntervalSeconds,
      timeoutSeconds: topology.scrape.scrapeTimeoutSeconds,
      lastDurationSeconds: 0,
      up: null,
      lastError: null,
      lastScrapeAtUs: null,
      ingest: new ScrapeIngest(tsdb, { labels, honorLabels: false }),
      loop: startLoop(clock, {
        name: `scrape ${identity.name}`,
        firstAtUs,
        periodUs,
        run: (atUs) => this.#scrape(target, identity, { path, port }, atUs),
        onLate,
      }),
    };
    this.#targets.set(identity.uid, target);
  }

  /** Ends within the call where the substrate answers at once, as it does in virtual time. */
  #scrape(
    target: Target,
    pod: PodIdentity,
    where: { path: string; port: number },
    atUs: number,
  ): void | Promise<void> {
    if (this.#down) return;
    const { substrate, topology } = this.#options;
    const timeoutUs = secondsToUs(topology.scrape.scrapeTimeoutSeconds);
    const failed = (thrown: unknown): void =>
      this.#scraped(target, atUs, null, thrown instanceof Error ? thrown.message : String(thrown));
    let body: string | Promise<string>;
    try {
      body = substrate.scrape(pod, { ...where, timeoutUs });
    } catch (thrown) {
      return failed(thrown);
    }
    if (typeof body === "string") return this.#scraped(target, atUs, body, "");
    return body.then((text) => this.#scraped(target, atUs, text, ""), failed);
  }

  #scraped(target: Target, atUs: number, body: string | null, error: string): void {
    if (this.#targets.get(target.uid) !== target) return;
    const { clock } = this.#options;
    const tMs = unixMsAt(clock, atUs);
    const durationSeconds = (clock.nowUs() - atUs) / 1e6;
    const outcome =
      body === null
        ? { ok: false as const, error, durationSeconds }
        : { ok: true as const, body, durationSeconds };
    const result = ingestScrape(target.ingest, tMs, outcome);
    target.lastScrapeAtUs = atUs;
    target.lastDurationSeconds = durationSeconds;
    target.lastError = result.error;
    if (target.up === result.up) return;
    target.up = result.up;
    const why = result.error === null ? {} : { error: result.error };
    this.#options.emit({
      type: "target",
      atUs: clock.nowUs(),
      instance: target.instance,
      up: result.up,
      ...why,
    });
  }

  #remove(target: Target): void {
    target.loop.cancel();
    target.ingest.remove(unixMsAt(this.#options.clock, this.#options.clock.nowUs()));
    this.#targets.delete(target.uid);
  }
}
