/** Keeps what the checks of one attempt need, and what held before it. */
import type { RunEvent } from "../events/types.ts";
import { Evidence } from "./evidence.ts";
import { MAX_ROWS } from "./plan.ts";

export class Collector {
  /** The last of each kind that still holds when an attempt begins: routes, endpoints, decisions, scrape targets, pods. */
  readonly #standing = new Map<string, RunEvent>();
  #before: RunEvent[] = [];
  #events: RunEvent[] = [];
  #rows = 0;
  #collecting = false;

  add(event: RunEvent): void {
    const key = standingKey(event);
    if (key !== null) {
      // A pod that is gone leaves nothing standing.
      if (event.type === "pod" && event.what === "deleted") this.#standing.delete(key);
      else this.#standing.set(key, event);
    }
    if (!this.#collecting) return;
    if (event.type === "request" && ++this.#rows > MAX_ROWS) return;
    this.#events.push(event);
  }

  begin(): void {
    this.#before = [...this.#standing.values()];
    this.#events = [];
    this.#rows = 0;
    this.#collecting = true;
  }

  /** What was collected since {@link begin}; collecting ends. */
  end(): Evidence {
    this.#collecting = false;
    const evidence = new Evidence([...this.#before, ...this.#events]);
    this.#events = [];
    return evidence;
  }

  has(type: RunEvent["type"]): boolean {
    return [...this.#standing.values()].some((event) => event.type === type);
  }
}

function standingKey(event: RunEvent): string | null {
  switch (event.type) {
    case "topology":
      return "topology";
    case "route":
      return `route ${event.host}:${event.port}`;
    case "scaledObject":
      return `scaledObject ${event.tier}`;
    case "endpoints":
      return `endpoints ${event.service}`;
    case "decision":
      return `decision ${event.by} ${event.object}`;
    case "target":
      return `target ${event.instance}`;
    case "pod":
      return `pod ${event.uid}`;
    default:
      return null;
  }
}
