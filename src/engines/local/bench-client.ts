/**
 * The bench's own client: sends the plan's requests to the gateways at their times, whatever became of the ones before
 * (open loop), and says what came back. Latency counts from the scheduled time.
 */
import { Pool } from "undici";
import { type Clock, secondsToUs } from "../../clock/clock.ts";
import { guardUs } from "../../services/shared/guard.ts";
import type { Arrival } from "../engine.ts";
import { BENCH_ID, type Exchange } from "../request-book.ts";
import type { BindAddress } from "./addresses.ts";

export type RequestShape = {
  readonly path: string;
  readonly tenantHeader: string;
  readonly tierHeader: string;
  readonly podField: string;
};

export type BenchClientOptions = {
  readonly clock: Clock;
  readonly shape: RequestShape;
  /** Where gateway number `index` listens now, null while there is none. */
  readonly gateway: (index: number) => BindAddress | null;
  /** Longer than the gateway's own hold and answer limits together, in seconds of topology time. */
  readonly timeoutSeconds: number;
  /** The gateway's own limit for an answer, in seconds of topology time. */
  readonly answerDeadlineSeconds: number;
  readonly onLate: (loop: string, lateUs: number) => void;
};

const MIN_REAL_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 1 << 20;

export class BenchClient {
  readonly #options: BenchClientOptions;
  readonly #pools = new Map<string, Pool>();
  #sent = 0;

  constructor(options: BenchClientOptions) {
    this.#options = options;
  }

  /** Resolves when every arrival has been sent and answered or given up. */
  offer(
    arrivals: Iterable<Arrival>,
    onDone: (exchange: Exchange) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { clock, onLate } = this.#options;
    const plan = arrivals[Symbol.iterator]();
    return new Promise((resolve, reject) => {
      let open = 0;
      let exhausted = false;
      const finish = (): void => void (exhausted && open === 0 && resolve());
      const step = (): void => {
        try {
          for (;;) {
            const next = signal?.aborted ? { done: true as const, value: undefined } : plan.next();
            if (next.done) {
              exhausted = true;
              return finish();
            }
            const arrival = next.value;
            if (arrival.atUs > clock.nowUs()) {
              clock.at(arrival.atUs, () => {
                onLate("traffic", clock.nowUs() - arrival.atUs);
                send(arrival);
                step();
              });
              return;
            }
            send(arrival);
          }
        } catch (error) {
          reject(error);
        }
      };
      const send = (arrival: Arrival): void => {
        open++;
        void this.#send(arrival).then((exchange) => {
          open--;
          onDone(exchange);
          finish();
        });
      };
      step();
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  async #send(arrival: Arrival): Promise<Exchange> {
    const { clock, shape, gateway, timeoutSeconds } = this.#options;
    const id = `${BENCH_ID}${++this.#sent}`;
    const sentAtUs = clock.nowUs();
    const done = (status: number | null, podInAnswer: string | null, cause: string | null): Exchange => ({
      arrival,
      id,
      sentAtUs,
      doneAtUs: clock.nowUs(),
      status,
      podInAnswer,
      cause,
    });
    const where = gateway(arrival.gateway);
    if (!where) return done(null, null, "no gateway pod");
    const timeoutMs = Math.max(MIN_REAL_TIMEOUT_MS, (timeoutSeconds * 1000) / clock.speed);
    try {
      const answer = await this.#poolOf(where).request({
        method: arrival.method,
        path: shape.path,
        headers: {
          [shape.tenantHeader]: arrival.tenant,
          [shape.tierHeader]: arrival.tier,
          "x-request-id": id,
          ...(arrival.idempotencyKey === undefined ? {} : { "idempotency-key": arrival.idempotencyKey }),
        },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const body = await readJson(answer.body);
      const pod = answer.statusCode < 300 ? textAt(body, shape.podField) : null;
      const cause = pod === null ? (reasonOf(body) ?? `status ${answer.statusCode}`) : null;
      if (cause === "deadline_exceeded") this.#deadlineMissed();
      return done(answer.statusCode, pod, cause);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      return done(null, null, code ?? (error instanceof Error ? error.message : String(error)));
    }
  }

  /**
   * The gateway gives the machine a real second, which is longer than the deadline where time runs fast. Where even that
   * was not enough, the machine was so much late, or else nobody answers; half the speed tells which.
   */
  #deadlineMissed(): void {
    const { clock, answerDeadlineSeconds, onLate } = this.#options;
    onLate("answers", guardUs(clock, answerDeadlineSeconds) - secondsToUs(answerDeadlineSeconds));
  }

  #poolOf({ bindAddress, bindPort }: BindAddress): Pool {
    const origin = `http://${bindAddress}:${bindPort}`;
    const known = this.#pools.get(origin);
    if (known) return known;
    const pool = new Pool(origin, {
      connections: null,
      keepAliveTimeout: 30_000,
      connect: { timeout: 5_000 },
    });
    this.#pools.set(origin, pool);
    return pool;
  }
}

async function readJson(body: AsyncIterable<Buffer>): Promise<unknown> {
  let text = "";
  for await (const chunk of body) {
    text += chunk.toString("utf8");
    if (text.length > MAX_ANSWER_BYTES) return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function textAt(body: unknown, field: string): string | null {
  const value =
    typeof body === "object" && body !== null ? (body as Record<string, unknown>)[field] : undefined;
  return typeof value === "string" && value !== "" ? value : null;
}

/** Our gateway's errors are `{"error": {"reason": …}}`. */
function reasonOf(body: unknown): string | null {
  const error =
    typeof body === "object" && body !== null ? (body as Record<string, unknown>)["error"] : undefined;
  return textAt(error, "reason");
}
