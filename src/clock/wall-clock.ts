import type { Clock, Timer } from "./clock.ts";
import { realUnixMs } from "./real-time.ts";

/** Longest delay that Node's timers take; beyond it they fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export type WallClockOptions = {
  /** Real monotonic instant, in nanoseconds, that is topology time 0. Shared by every process of a run. */
  readonly epochNs: bigint;
  readonly speed: number;
  readonly epochUnixSeconds: number;
};

/** Topology time = (monotonic now − shared epoch) × speed. */
export class WallClock implements Clock {
  readonly speed: number;
  readonly epochUnixSeconds: number;
  readonly #epochNs: bigint;

  constructor(options: WallClockOptions) {
    this.#epochNs = options.epochNs;
    this.speed = options.speed;
    this.epochUnixSeconds = options.epochUnixSeconds;
  }

  nowUs(): number {
    return Math.floor((Number(process.hrtime.bigint() - this.#epochNs) / 1000) * this.speed);
  }

  at(atUs: number, fn: () => void | Promise<void>): Timer {
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const realMs = (atUs - this.nowUs()) / 1000 / this.speed;
      // Node counts whole milliseconds and may fire up to one early: look again rather than act too soon.
      handle = setTimeout(
        () => (this.nowUs() < atUs ? arm() : void fn()),
        Math.min(Math.max(0, Math.ceil(realMs)), MAX_TIMEOUT_MS),
      );
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  }

  /** The machine's own date (Unix milliseconds, with a fraction) at an instant of topology time. */
  realUnixMsAt(atUs: number): number {
    return realUnixMs() - (this.nowUs() - atUs) / 1000 / this.speed;
  }

  /** The instant of topology time at a date of the machine's own, in Unix milliseconds. */
  usAtRealUnixMs(unixMs: number): number {
    return Math.round(this.nowUs() - (realUnixMs() - unixMs) * 1000 * this.speed);
  }

  /** What a child process needs to read the same time: {@link clockFromEnv}. */
  env(): Record<string, string> {
    return {
      LIMPET_EPOCH: `${this.#epochNs}:${this.epochUnixSeconds}`,
      LIMPET_SPEED: String(this.speed),
    };
  }
}

/** A clock whose time 0 is now, dated to the second before, with the rest of that second already gone. */
export function startWallClock(speed = 1): WallClock {
  const unixMs = Date.now();
  const epochUnixSeconds = Math.floor(unixMs / 1000);
  const goneNs = BigInt(Math.floor(((unixMs % 1000) * 1e6) / speed));
  return new WallClock({ epochNs: process.hrtime.bigint() - goneNs, speed, epochUnixSeconds });
}

/** The run's clock inside one of its processes; real time where no run is around (in a cluster). */
export function clockFromEnv(env: Readonly<Record<string, string | undefined>>): WallClock {
  const match = /^(\d+):(\d+)$/.exec(env["LIMPET_EPOCH"] ?? "");
  const speed = Number(env["LIMPET_SPEED"] ?? "1");
  if (!match || !(speed > 0)) return startWallClock(1);
  return new WallClock({ epochNs: BigInt(match[1]!), speed, epochUnixSeconds: Number(match[2]) });
}
