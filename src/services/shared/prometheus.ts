/**
 * The parts of prom-client that a pod uses. Its index also loads the cluster and push-gateway code, which costs a cold
 * start some ten milliseconds.
 */
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";

export { Counter, Gauge, Histogram, Registry };

/** A counter that can answer under two names: see {@link documentCounter}. */
export type LabelledCounter = {
  inc(labels: Readonly<Record<string, string>>): void;
  remove(labels: Readonly<Record<string, string>>): void;
};

/**
 * A counter under its real name (`…_total`) and under the bare name that the original document uses in its `grep` and
 * its PromQL. prom-client writes names literally in the text format, so neither gets a suffix of its own.
 */
export function documentCounter(
  registry: Registry,
  bareName: string,
  help: string,
  labelNames: readonly string[],
): LabelledCounter {
  const registers = [registry];
  const total = new Counter({ name: `${bareName}_total`, help, labelNames: [...labelNames], registers });
  const bare = new Counter({
    name: bareName,
    help: `${help} (the same as ${bareName}_total)`,
    labelNames: [...labelNames],
    registers,
  });
  return {
    inc: (labels) => {
      total.inc(labels);
      bare.inc(labels);
    },
    remove: (labels) => {
      total.remove(labels);
      bare.remove(labels);
    },
  };
}

/** A gauge without labels that is worked out at each scrape. */
export function computedGauge(registry: Registry, name: string, help: string, read: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
