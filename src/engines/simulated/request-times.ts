/**
 * The times of one request that are drawn: by its number, so that they are the same in whatever order requests are worked
 * on, one by one or a thousand at a stretch.
 */
import { drawAt, type DrawKey, drawKey, drawPlace, drawTurn } from "../../seed/draws.ts";
import { type Distribution, quantile, type SimulatedTimings } from "./timings.ts";

/** Few enough that the tables stay in the processor's nearest memory. */
const CELLS = 256;
const CELL_BITS = 24;
/** Worked out once: as a power it would be at each draw. */
const SHARES = 2 ** CELL_BITS;
const SHARE_MASK = SHARES - 1;

/** A distribution as a table of equal shares, straight within each: one look-up a draw. */
export class Quantiles {
  /** Of each share its least value, and how far it is to the next: whole microseconds. */
  readonly #cells = new Int32Array(2 * CELLS);
  readonly maxUs: number;

  constructor(distribution: Distribution) {
    for (let cell = 0; cell < CELLS; cell++) {
      const low = Math.floor(quantile(distribution, cell / CELLS));
      this.#cells[2 * cell] = low;
      this.#cells[2 * cell + 1] = Math.floor(quantile(distribution, (cell + 1) / CELLS)) - low;
    }
    this.maxUs = Math.ceil(distribution.at(-1)?.[1] ?? 0);
  }

  /** @param draw a whole number, 0 ≤ draw < 2³². Answers whole microseconds. */
  us(draw: number): number {
    const at = (draw >>> CELL_BITS) * 2;
    const share = draw & SHARE_MASK;
    return this.#cells[at]! + (((this.#cells[at + 1]! * share) / SHARES) | 0);
  }
}

/** Turns of a request's stream. */
const ROUND_TRIP = 0;
const OUT = 1;
const BACK = 2;
const OVERHEAD = 3;
const TURNS = 3;

export class RequestTimes {
  readonly #key: DrawKey;
  readonly #hop: Quantiles;
  readonly #overhead: Quantiles;
  readonly #roundTrip: Quantiles;
  /** The most that an answered request takes beyond its work, from the gateway's sight. */
  readonly maxUs: number;

  constructor(seed: number, timings: Pick<SimulatedTimings, "hop" | "serviceOverhead" | "clientRoundTrip">) {
    this.#key = drawKey(seed, "simulated/request");
    this.#hop = new Quantiles(timings.hop);
    this.#overhead = new Quantiles(timings.serviceOverhead);
    this.#roundTrip = new Quantiles(timings.clientRoundTrip);
    this.maxUs = 2 * this.#hop.maxUs + this.#overhead.maxUs;
  }

  /** The bench to the gateway and back. */
  roundTripUs(request: number): number {
    return this.#roundTrip.us(drawAt(this.#key, request, ROUND_TRIP));
  }

  /** All of the gateway's wait for an answer, beyond the work, of a request that is answered at the first attempt. */
  wayUs(request: number): number {
    const place = drawPlace(this.#key, request);
    return (
      this.#hop.us(drawTurn(place, OUT)) +
      this.#overhead.us(drawTurn(place, OVERHEAD)) +
      this.#hop.us(drawTurn(place, BACK))
    );
  }

  /** Gateway to pod; `attempt` from 0. */
  outUs(request: number, attempt: number): number {
    return this.#hop.us(drawAt(this.#key, request, OUT + TURNS * attempt));
  }

  backUs(request: number, attempt: number): number {
    return this.#hop.us(drawAt(this.#key, request, BACK + TURNS * attempt));
  }

  /** What it takes in its pod beyond its work. */
  overheadUs(request: number, attempt: number): number {
    return this.#overhead.us(drawAt(this.#key, request, OVERHEAD + TURNS * attempt));
  }
}
