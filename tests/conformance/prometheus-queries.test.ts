/** Our answers to queries against a real Prometheus': 3 is the judge, Debian's 2.42 that of `versions.prometheus: 2`. */
import { expect, test } from "vitest";
import { majorVersion } from "../../src/metrics/judge/real-prometheus.ts";
import { type Figures, judgeSuite } from "../../src/metrics/judge/suite.ts";
import { tell } from "./kit/figures.ts";
import { installedPrometheus2, installedPrometheus3 } from "./kit/programs.ts";

const SEED = Number(process.env["SEED"] ?? 8);
const GENERATED = 1_200;

const prometheus3 = installedPrometheus3();
const judges = [
  {
    version: 3,
    binary: prometheus3,
    // A build from the Go module says nothing of its version.
    name: `Prometheus 3 (module ${/prometheus-(v[\d.]+)/.exec(prometheus3)?.[1] ?? "of yours"})`,
  },
  { version: 2, binary: installedPrometheus2(), name: "Debian's Prometheus" },
] as const;

test.each(judges)("the judge is a Prometheus $version", ({ version, binary }) => {
  expect(majorVersion(binary)).toBe(version);
});

for (const { version, binary, name } of judges) {
  const onEnd = ({ series, queries, generated, answers, differing }: Figures): void => {
    tell({
      row: `queries, versions.prometheus: ${version}`,
      judge: name,
      compared: `${queries} queries (${generated} generated, seed ${SEED}) over ${series} series, ${answers} answers`,
      differ: differing,
    });
    // What the comparison has to cover; fewer would be a mistake of the suite's own.
    if (queries < 600 || series < 200) throw new Error(`only ${queries} queries over ${series} series`);
  };
  judgeSuite({ binary, version, seed: SEED, generated: GENERATED, onEnd });
}
