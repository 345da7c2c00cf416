/** What a person sees while a run lasts: one block that redraws on a terminal, else a plain line for each event. */
import type { CheckResult, RunEvent, Verdict } from "../events/types.ts";
import { measuredWords } from "./summary.ts";

export type Screen = {
  readonly write: (text: string) => void;
  readonly isTTY: boolean;
  readonly columns: number;
};

/** Real time between two redraws, as topology time at speed 1. */
const REDRAW_US = 100_000;
const MAX_TENANTS_COUNTED = 100_000;

const UP = (lines: number): string => (lines === 0 ? "" : `\u001B[${lines}A`);
const CLEAR_LINE = "\u001B[2K";

const clock = (us: number): string => {
  const seconds = Math.max(0, Math.floor(us / 1e6));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

type Row = { mark: "·" | "▸" | "✓" | "✗" | "?"; words: string };

/** A verdict in one line: the first check that did not pass, else the first that has a limit. */
export function verdictWords({ checks, counts }: Verdict): string {
  const telling: CheckResult | undefined =
    checks.find(({ verdict }) => verdict !== "pass" && verdict !== "reported") ?? checks[0];
  if (!telling) return "";
  const words = `${telling.name} ${measuredWords(telling)}`;
  const late = counts ? "" : " · timers were late, runs again at half the speed";
  return `${telling.verdict === "pass" ? words : `${words}: ${telling.verdict}`}${late}`;
}

export class Progress {
  readonly #screen: Screen;
  readonly #heading: string;
  readonly #rows = new Map<string, Row>();
  readonly #ready = new Map<string, number>();
  readonly #speed: number;
  #running: string | null = null;
  #step: { readonly baseUs: number; readonly endUs: number } | null = null;
  #tenants = new Set<string>();
  #answered = 0;
  #moved = 0;
  #part = 1;
  #drawnAtUs = -Infinity;
  #drawnLines = 0;

  constructor(
    screen: Screen,
    given: { readonly heading: string; readonly speed: number; readonly scenarios: readonly string[] },
  ) {
    this.#screen = screen;
    this.#heading = given.heading;
    this.#speed = Number.isFinite(given.speed) ? given.speed : 1;
    for (const name of given.scenarios) this.#rows.set(name, { mark: "·", words: "waiting" });
    if (screen.isTTY) this.#draw();
    else screen.write(`${this.#heading}\n`);
  }

  /** Takes every event of the run, as it comes. */
  event(event: RunEvent, part: number): void {
    if (part !== this.#part) {
      this.#part = part;
      this.#drawnAtUs = -Infinity;
    }
    const telling = this.#note(event);
    if (!this.#screen.isTTY) {
      if (telling !== null) this.#screen.write(`${clock(event.atUs).padStart(6)}  ${telling}\n`);
      return;
    }
    if (this.#running !== null)
      this.#rows.set(this.#running, { mark: "▸", words: this.#runningWords(event.atUs) });
    if (telling === null && event.atUs - this.#drawnAtUs < REDRAW_US * this.#speed) return;
    this.#drawnAtUs = event.atUs;
    this.#draw();
  }

  /** Takes the block away, so that what follows stands where it stood. */
  end(): void {
    if (!this.#screen.isTTY) return;
    const blank = `${CLEAR_LINE}\n`.repeat(this.#drawnLines);
    this.#screen.write(UP(this.#drawnLines) + blank + UP(this.#drawnLines));
    this.#drawnLines = 0;
  }

  /** Keeps what the block shows; the words of a plain line where the event is worth one. */
  #note(event: RunEvent): string | null {
    switch (event.type) {
      case "request":
        if (event.outcome === "answer") this.#answered++;
        if (event.affinity?.startsWith("moved-")) this.#moved++;
        if (this.#tenants.size < MAX_TENANTS_COUNTED) this.#tenants.add(event.tenant);
        return null;
      case "endpoints":
        if (event.tier !== null) this.#ready.set(event.tier, event.ready.length);
        return null;
      case "decision":
        if (!event.wrote) return null;
        return `${event.tier}  ${event.from} → ${event.to}   ${event.by === "keda" ? "KEDA" : "HPA"}: ${event.reason}`;
      case "fault":
        return `${event.fault} ${event.target}${event.effective ? "" : `: not effective: ${event.detail ?? ""}`}`;
      case "verdict": {
        const mark = event.verdict === "pass" ? "✓" : event.verdict === "fail" ? "✗" : "?";
        this.#rows.set(event.scenario, { mark, words: verdictWords(event) });
        this.#running = null;
        return `${event.scenario}  ${event.verdict}   ${verdictWords(event)}`;
      }
      case "scenario":
        return this.#noteScenario(event);
      default:
        return null;
    }
  }

  #noteScenario(event: Extract<RunEvent, { readonly type: "scenario" }>): string | null {
    if (event.what === "started") {
      this.#running = event.scenario;
      this.#step = null;
      this.#tenants = new Set();
      this.#answered = 0;
      this.#moved = 0;
      return `${event.scenario}  begins`;
    }
    if (event.what === "step") {
      const baseUs = Number(event.values?.["baseUs"] ?? event.atUs);
      this.#step = { baseUs, endUs: Number(event.values?.["endUs"] ?? event.atUs) };
      return `${event.scenario}  ${event.step ?? ""}`;
    }
    if (event.what === "offered") this.#step = null;
    if (event.what === "gaveUp") return `${event.scenario}  gave up waiting: ${event.detail ?? ""}`;
    return null;
  }

  #runningWords(nowUs: number): string {
    const pods = [...this.#ready]
      .filter(([, ready]) => ready > 0)
      .map(([tier, ready]) => `${tier} ${"●".repeat(Math.min(ready, 20))}`);
    const { length } = pods;
    const state = length === 0 ? "no pods" : pods.join("  ");
    if (!this.#step) return `${state}   waiting for the pods to settle`;
    const time = `${clock(nowUs - this.#step.baseUs)} of ${clock(this.#step.endUs - this.#step.baseUs)}`;
    return `${state}   ${this.#tenants.size} tenants · ${this.#answered} answered · ${this.#moved} moved   ${time}`;
  }

  #draw(): void {
    const width = Math.max(0, ...[...this.#rows.keys()].map((name) => name.length));
    const lines = [
      this.#heading,
      ...[...this.#rows].map(([name, { mark, words }]) => `  ${name.padEnd(width)}  ${mark}  ${words}`),
    ].map((line) => line.slice(0, Math.max(20, this.#screen.columns - 1)));
    const text = lines.map((line) => `${CLEAR_LINE}${line}\n`).join("");
    this.#screen.write(UP(this.#drawnLines) + text);
    this.#drawnLines = lines.length;
  }
}
