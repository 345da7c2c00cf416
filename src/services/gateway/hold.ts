/**
 * Where a request waits while its tier has no ready pod. One lane a tier, in order of arrival.
 *
 * The gate is open until an attempt finds no pod (`noUpstream`) or a full circuit breaker (`overloaded`); that request and all
 * that follow then wait, and only the oldest is tried again, every 250 ms ± jitter. Its success opens the gate and the rest go,
 * at most `maxInFlight` at a time. Where nothing waits a request goes at once, as long as no more than `maxDirect` are in
 * flight: beyond it there is no connection for it, and its deadline must not pass in front of one. A request may be held until `holdUs` after its arrival, in one stay or several.
 */
import type { Clock, Timer } from "../../clock/clock.ts";
import type { Random } from "../../seed/seed.ts";
import type { Refusal } from "../shared/tenant-id.ts";

/** Milliseconds of topology time between two tries of the oldest request, ± a fifth. */
export const PROBE_MS = 250;
const PROBE_JITTER = 0.2;

export type Ticket = {
  /** Order of arrival. */
  readonly seq: number;
  readonly tenant: string;
  readonly receivedUs: number;
  /** Memory that it holds while it waits. */
  readonly bytes: number;
  /** Aborts when the client leaves; null for one that never does. */
  readonly signal: AbortSignal | null;
};

export type Admission =
  | { readonly kind: "go" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "abandoned" };

/** `held` once a request; `requeued` when one that had been released comes back; the rest say how its waiting ended. */
export type HoldEvent = "held" | "requeued" | "released" | "expired" | "refused" | "abandoned";

/** What was held may not grow without end: over all lanes together. */
export class HoldLimits {
  readonly #perTenant: number;
  readonly #total: number;
  readonly #bytes: number;
  readonly #byTenant = new Map<string, number>();
  heldBytes = 0;
  held = 0;

  constructor(limits: { readonly perTenant: number; readonly total: number; readonly bytes: number }) {
    this.#perTenant = limits.perTenant;
    this.#total = limits.total;
    this.#bytes = limits.bytes;
  }

  /** Takes the ticket in, or says which limit it would break. */
  take({ tenant, bytes }: Ticket): Refusal | null {
    const ofTenant = this.#byTenant.get(tenant) ?? 0;
    if (ofTenant >= this.#perTenant) {
      return full(
        "hold_tenant_limit",
        `${this.#perTenant} requests of this tenant are waiting for a pod already.`,
      );
    }
    if (this.held >= this.#total) {
      return full("hold_total_limit", `${this.#total} requests are waiting for a pod already.`);
    }
    if (this.heldBytes + bytes > this.#bytes) {
      return full("hold_bytes_limit", `The requests that wait for a pod fill ${this.#bytes} bytes already.`);
    }
    this.#byTenant.set(tenant, ofTenant + 1);
    this.held++;
    this.heldBytes += bytes;
    return null;
  }

  give({ tenant, bytes }: Ticket): void {
    const ofTenant = this.#byTenant.get(tenant) ?? 0;
    if (ofTenant <= 1) this.#byTenant.delete(tenant);
    else this.#byTenant.set(tenant, ofTenant - 1);
    this.held--;
    this.heldBytes -= bytes;
  }
}

const full = (reason: string, message: string): Refusal => ({
  status: 503,
  reason,
  message,
  retryAfterSeconds: 5,
});

type Waiting = { readonly ticket: Ticket; readonly leave: (admission: Admission) => void };

export type LaneOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: HoldLimits;
  readonly holdUs: number;
  /** Requests in flight above which held ones wait on. */
  readonly maxInFlight: number;
  /** Requests in flight above which new ones wait, too. */
  readonly maxDirect: number;
  readonly on: (event: HoldEvent) => void;
  /** From the first request that met no pod to the first answer after it. */
  readonly onColdStart: (durationUs: number) => void;
};

export class Lane {
  readonly #options: LaneOptions;
  readonly #queue: Waiting[] = [];
  #closed = false;
  /** From the closing of the gate until nobody waits: those who go are released by `maxInFlight`, not by `maxDirect`. */
  #releasing = false;
  #inFlight = 0;
  /** The oldest request while it is tried again: it keeps its place in the limits, and still counts as held. */
  #probe: Ticket | null = null;
  readonly #heldBefore = new WeakSet<Ticket>();
  #probeTimer: Timer | null = null;
  #expiryTimer: Timer | null = null;
  #expiryUs = 0;
  #coldStartFromUs: number | null = null;
  #lastZeroUs: number | null = null;
  #ending: Refusal | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#queue.length + (this.#probe === null ? 0 : 1);
  }

  /** Whether a request that comes now goes on at once, as far as those in flight let it. */
  get flows(): boolean {
    return !this.#closed && !this.#releasing && this.#queue.length === 0 && this.#ending === null;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** When a request last found no pod. */
  get lastZeroUs(): number | null {
    return this.#lastZeroUs;
  }

  /** A request arrived: goes at once where nothing waits, else when its turn comes. */
  admit(ticket: Ticket): Promise<Admission> {
    return new Promise((resolve) => this.enter(ticket, resolve));
  }

  /** The attempt met no pod or a full breaker: back into the queue, at its place by arrival. */
  requeue(ticket: Ticket, why: "noUpstream" | "overloaded"): Promise<Admission> {
    return new Promise((resolve) => this.reenter(ticket, why, resolve));
  }

  /** {@link admit} without a promise: `settle` is called once, within this call or later; it calls nothing of the lane. */
  enter(ticket: Ticket, settle: (admission: Admission) => void): void {
    if (ticket.signal?.aborted) return settle({ kind: "abandoned" });
    if (!this.#closed && this.#queue.length === 0 && this.#inFlight < this.#options.maxDirect) {
      this.#inFlight++;
      return settle({ kind: "go" });
    }
    this.#hold(ticket, false, settle);
  }

  /** {@link requeue} without a promise. */
  reenter(ticket: Ticket, why: "noUpstream" | "overloaded", settle: (admission: Admission) => void): void {
    this.#inFlight--;
    const wasProbe = this.#probe === ticket;
    if (wasProbe) this.#probe = null;
    this.#closed = true;
    this.#releasing = true;
    if (why === "noUpstream") {
      this.#lastZeroUs = this.#options.clock.nowUs();
      this.#coldStartFromUs ??= ticket.receivedUs;
    }
    this.#hold(ticket, wasProbe, settle);
  }

  /** The request is over. `reached`: a pod answered it, so there is one. */
  done(ticket: Ticket, reached: boolean): void {
    this.#inFlight--;
    if (this.#probe === ticket) {
      this.#probe = null;
      this.#options.limits.give(ticket);
      this.#options.on(ticket.signal?.aborted ? "abandoned" : "released");
      if (reached) {
        this.#closed = false;
        if (this.#coldStartFromUs !== null) {
          this.#options.onColdStart(this.#options.clock.nowUs() - this.#coldStartFromUs);
          this.#coldStartFromUs = null;
        }
      }
    }
    this.#move();
  }

  /** The gateway ends: whoever still waits, or comes to wait, is refused. */
  end(refusal: Refusal): void {
    this.#ending = refusal;
    for (const waiting of this.#queue.splice(0))
      this.#leave(waiting, "refused", { kind: "refused", refusal });
    this.#move();
  }

  #hold(ticket: Ticket, wasProbe: boolean, settle: (admission: Admission) => void): void {
    const refused = this.#refusalFor(ticket, wasProbe);
    if (refused) {
      this.#options.on(refused.event);
      this.#move();
      return settle({ kind: "refused", refusal: refused.refusal });
    }
    if (!wasProbe) this.#options.on(this.#heldBefore.has(ticket) ? "requeued" : "held");
    this.#heldBefore.add(ticket);
    const abandon = (): void => {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      this.#leave(waiting, "abandoned", { kind: "abandoned" });
      this.#move();
    };
    const waiting: Waiting = {
      ticket,
      leave: (admission) => {
        ticket.signal?.removeEventListener("abort", abandon);
        settle(admission);
      },
    };
    this.#insert(waiting);
    if (ticket.signal?.aborted) abandon();
    else ticket.signal?.addEventListener("abort", abandon);
    this.#move();
  }

  /** Why the ticket may not wait (any longer); null where it may, and then it has its place in the limits. */
  #refusalFor(ticket: Ticket, hasPlace: boolean): { event: HoldEvent; refusal: Refusal } | null {
    const { clock, limits } = this.#options;
    const expired = clock.nowUs() >= this.#expiresUs(ticket);
    if (this.#ending !== null || expired) {
      if (hasPlace) limits.give(ticket);
      if (this.#ending !== null) return { event: "refused", refusal: this.#ending };
      return { event: "expired", refusal: this.#expired() };
    }
    const refusal = hasPlace ? null : limits.take(ticket);
    return refusal ? { event: "refused", refusal } : null;
  }

  #insert(waiting: Waiting): void {
    let at = this.#queue.length;
    while (at > 0 && this.#queue[at - 1]!.ticket.seq > waiting.ticket.seq) at--;
    this.#queue.splice(at, 0, waiting);
  }

  /** Leaves the queue, from which the caller has taken it. */
  #leave(waiting: Waiting, event: HoldEvent, admission: Admission): void {
    this.#options.limits.give(waiting.ticket);
    this.#options.on(event);
    waiting.leave(admission);
  }

  /** Brings gate, tries and timers in line with what the lane holds now. */
  #move(): void {
    const { maxInFlight, maxDirect } = this.#options;
    const limit = this.#releasing ? maxInFlight : maxDirect;
    while (!this.#closed && this.#queue.length > 0 && this.#inFlight < limit) {
      this.#inFlight++;
      this.#leave(this.#queue.shift()!, "released", { kind: "go" });
    }
    if (this.#queue.length === 0 && this.#probe === null) {
      // Nobody waits any more, so nobody would find out that there is a pod again: the next request does.
      this.#closed = false;
      this.#releasing = false;
      this.#coldStartFromUs = null;
    }
    if (this.#closed && this.#probe === null && this.#queue.length > 0)
      this.#probeTimer ??= this.#nextProbe();
    else {
      this.#probeTimer?.cancel();
      this.#probeTimer = null;
    }
    this.#armExpiry();
  }

  #nextProbe(): Timer {
    const { clock, random } = this.#options;
    const waitMs = PROBE_MS * (1 + PROBE_JITTER * (2 * random.float() - 1));
    return clock.at(clock.nowUs() + Math.round(waitMs * 1000), () => {
      this.#probeTimer = null;
      if (!this.#closed || this.#probe !== null || this.#queue.length === 0) return;
      const { ticket, leave } = this.#queue.shift()!;
      this.#probe = ticket;
      this.#inFlight++;
      leave({ kind: "go" });
      this.#armExpiry();
    });
  }

  #armExpiry(): void {
    const oldest = this.#queue[0];
    const dueUs = oldest ? this.#expiresUs(oldest.ticket) : Infinity;
    // One that is armed for somebody who left meanwhile is early for the others: it looks again then.
    if (oldest && this.#expiryTimer !== null && this.#expiryUs <= dueUs) return;
    this.#expiryTimer?.cancel();
    this.#expiryTimer = null;
    if (!oldest) return;
    this.#expiryUs = dueUs;
    this.#expiryTimer = this.#options.clock.at(dueUs, () => {
      this.#expiryTimer = null;
      const nowUs = this.#options.clock.nowUs();
      while (this.#queue.length > 0 && this.#expiresUs(this.#queue[0]!.ticket) <= nowUs) {
        this.#leave(this.#queue.shift()!, "expired", { kind: "refused", refusal: this.#expired() });
      }
      this.#move();
    });
  }

  #expiresUs(ticket: Ticket): number {
    return ticket.receivedUs + this.#options.holdUs;
  }

  #expired(): Refusal {
    return {
      status: 504,
      reason: "hold_expired",
      message: `No pod was ready within ${this.#options.holdUs / 1e6} s.`,
      retryAfterSeconds: 5,
    };
  }
}
