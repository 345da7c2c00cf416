/** The recording rules and the alert of k8s/test-topology/prometheus.yaml, run by promtool. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { textsAt } from "../src/topology/json.ts";
import { loadTopology } from "../src/topology/load.ts";

const UNIT_TEST = `
rule_files: [rules.yml]
evaluation_interval: 5s
tests:
- interval: 5s
  input_series:
  - {series: 'test_affinity_hits_total{tenant_id="a",pod="test-api-small-0"}', values: '0+3x100'}
  - {series: 'test_affinity_misses_total{cause="scale-out"}', values: '0+1x100'}
  - {series: 'test_active_tenants{tier="small",kubernetes_pod="g-1"}', values: '10x100'}
  - {series: 'test_active_tenants{tier="small",kubernetes_pod="g-2"}', values: '10x100'}
  - {series: 'up{app="test-api",pod_tier="small",kubernetes_pod="p-0"}', values: '1x100'}
  - {series: 'up{app="test-api",pod_tier="small",kubernetes_pod="p-1"}', values: '1x100'}
  - {series: 'up{app="test-gateway",kubernetes_pod="g-1"}', values: '1x100'}
  promql_expr_test:
  - {expr: 'round(test:affinity_hit_ratio:rate5m, 0.01)', eval_time: 6m, exp_samples: [{labels: '{}', value: 0.75}]}
  - {expr: 'test:tenants_per_pod', eval_time: 6m, exp_samples: [{labels: 'test:tenants_per_pod{tier="small"}', value: 5}]}
  alert_rule_test:
  - {eval_time: 6m, alertname: ActiveTenantsMissing, exp_alerts: []}
- interval: 5s
  name: no miss yet
  input_series:
  - {series: 'test_affinity_hits_total{tenant_id="a",pod="test-api-small-0"}', values: '0+3x100'}
  promql_expr_test:
  - {expr: 'test:affinity_hit_ratio:rate5m', eval_time: 6m, exp_samples: [{labels: 'test:affinity_hit_ratio:rate5m', value: 1}]}
- interval: 5s
  name: the gauge is gone although the scrape succeeds
  input_series:
  - {series: 'up{app="test-gateway"}', values: '1x100'}
  alert_rule_test:
  - eval_time: 1m
    alertname: ActiveTenantsMissing
    exp_alerts:
    - exp_annotations: {summary: No sample of test_active_tenants; KEDA falls back to what there is.}
`;

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "limpet-rules-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!hasPromtool && process.env.CI === undefined)(
  `promtool${hasPromtool ? "" : " (skipped: promtool is not installed; Debian's package prometheus has it)"}`,
  () => {
    test("the rules give what they promise", async () => {
      const { manifests } = await loadTopology({ path: "k8s/test-topology" });
      const configMap = manifests.find(({ kind, name }) => kind === "ConfigMap" && name === "prometheus");
      writeFileSync(join(folder, "rules.yml"), textsAt(configMap?.body, "data")["rules.yml"] ?? "");
      writeFileSync(join(folder, "test.yml"), UNIT_TEST);
      const said = execFileSync("promtool", ["test", "rules", join(folder, "test.yml")], {
        encoding: "utf8",
      });
      expect(said).toContain("SUCCESS");
    });
  },
);
