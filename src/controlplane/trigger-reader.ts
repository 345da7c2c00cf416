/** Asks the sources of a ScaledObject's triggers, as KEDA's scalers do, and keeps what they said for the log. */
import { type Clock, secondsToUs } from "../clock/clock.ts";
import type { MetricReading } from "../events/types.ts";
import type { PrometheusAnswer } from "../metrics/answer.ts";
import { isTriggerError, prometheusTriggerValue } from "../scaling/prometheus.ts";
import type { Reading, Versions } from "../scaling/types.ts";
import type { ScaledObject, Trigger } from "../topology/types.ts";
import type { QuerySource } from "./query-source.ts";

export type TriggerReaderOptions = {
  readonly clock: Clock;
  readonly scaledObject: ScaledObject;
  readonly metrics: QuerySource;
  readonly versions: Versions;
};

export class TriggerReader {
  readonly #options: TriggerReaderOptions;

  constructor(options: TriggerReaderOptions) {
    this.#options = options;
  }

  /** What the triggers with these indices say at `nowUs`; asked with a whole second, as KEDA writes `time=`. */
  async ask(
    indices: readonly number[],
    nowUs: number,
  ): Promise<{ readings: Reading[]; logged: MetricReading[] }> {
    const { clock, scaledObject } = this.#options;
    const readings: Reading[] = [];
    const logged: MetricReading[] = [];
    const timeUnixSeconds = clock.epochUnixSeconds + Math.floor(nowUs / 1e6);
    const askedAtUs = secondsToUs(timeUnixSeconds - clock.epochUnixSeconds);
    for (const index of indices) {
      const trigger = scaledObject.triggers[index];
      if (!trigger) continue;
      const reading = await this.#askTwice(trigger, timeUnixSeconds);
      readings[index] = reading;
      logged.push({
        name: `s${index}-${trigger.type}`,
        query: trigger.metadata["query"] ?? "",
        value: typeof reading === "object" ? "error" : reading,
        ...(typeof reading === "object" ? { error: reading.error } : {}),
        askedAtUs,
      });
    }
    return { readings, logged };
  }

  /** A failing trigger is rebuilt and asked once more within the same check. */
  async #askTwice(trigger: Trigger, timeUnixSeconds: number): Promise<Reading> {
    const first = await this.#askOnce(trigger, timeUnixSeconds);
    const failed = isTriggerError(specOf(trigger), first, this.#options.versions);
    return failed ? this.#askOnce(trigger, timeUnixSeconds) : first;
  }

  async #askOnce(trigger: Trigger, timeUnixSeconds: number): Promise<Reading> {
    if (trigger.type !== "prometheus")
      return { error: `limpet does not act on a trigger of type ${trigger.type}` };
    return readingOf(await this.#options.metrics.query(trigger.metadata["query"] ?? "", timeUnixSeconds));
  }
}

const specOf = ({ name, ...trigger }: Trigger) => ({ ...trigger, ...(name === null ? {} : { name }) });

/** KEDA looks at the HTTP status and the body alone. */
const readingOf = ({ httpStatus, status, resultType, result, errorType, error }: PrometheusAnswer): Reading =>
  httpStatus === null
    ? { error: error ?? "no answer" }
    : prometheusTriggerValue({
        status: httpStatus,
        body: JSON.stringify({
          status,
          ...(resultType === null ? {} : { data: { resultType, result } }),
          errorType,
          error,
        }),
      });
