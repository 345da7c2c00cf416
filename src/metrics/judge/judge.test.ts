import { expect, test } from "vitest";
import { majorVersion } from "./real-prometheus.ts";
import { judgeSuite } from "./suite.ts";

const binary = process.env.LIMPET_PROMETHEUS ?? "prometheus";
const version = majorVersion(binary);

if (version === null) {
  test(`answers beside a real Prometheus: skipped, as there is no "${binary}" here (apt-get install prometheus, or set LIMPET_PROMETHEUS)`, () => {
    expect(process.env.CI, "CI must have a Prometheus").not.toBe("true");
  });
} else {
  judgeSuite({
    binary,
    version,
    seed: Number(process.env.LIMPET_JUDGE_SEED ?? 1),
    generated: Number(process.env.LIMPET_JUDGE_QUERIES ?? 600),
  });
}
