/** A bench that cannot fail proves nothing: each fault must fail the right check, and the words must name its cause. */
import { describe, expect, test } from "vitest";
import { checkNamed, fixture, limpetTest, onlyScenario, type ResultCheck } from "./kit.ts";

const FIRST_RESPONSE = "first response";
const ONE_POD_EACH = "requests to the tenant's own pod";
const SAME_OWNER = "same pod through a second gateway";
const PODS_USED = "pods that answered";

async function failing(scenario: string, args: readonly string[]) {
  const tested = await limpetTest([scenario, ...args, "--seed", "1"]);
  const found = onlyScenario(tested);
  expect(tested.code, tested.said).toBe(1);
  expect(found.name).toBe(scenario);
  expect(found.verdict, tested.said).toBe("fail");
  return { ...tested, scenario: found };
}

const topology = (name: string): readonly string[] => ["--topology", fixture(name)];

describe("scale from zero", () => {
  test("the original document's manifests: no Deployment of that name, a StatefulSet", async () => {
    const { scenario, stderr, result } = await failing("scale from zero", topology("original"));
    const first = scenario.checks[0]!;
    expect(first).toMatchObject({ name: FIRST_RESPONSE, verdict: "fail" });
    expect(first.reason).toContain("ScaledObjectCheckFailed");
    expect(first.reason).toContain("no Deployment test-api-small");
    expect(first.reason).toContain("A StatefulSet of that name exists");
    expect(first.reason).toContain("kind defaults to Deployment");
    expect(first.remedy).toBe("keda-scaler.yaml:8 add kind: StatefulSet");
    // Its prometheus.yaml is listed and not there: told, and the rest is run.
    expect(stderr).toContain(
      "kustomization.yaml:8: prometheus.yaml not found; built-in Prometheus used, scrape 60 s",
    );
    expect(result.notApplicable).toEqual([]);
  });

  test("a ScaledObject without kind", async () => {
    const { scenario } = await failing("scale from zero", topology("faults/no-kind"));
    const first = scenario.checks[0]!;
    expect(first).toMatchObject({ name: FIRST_RESPONSE, verdict: "fail" });
    expect(first.reason).toContain("ScaledObjectCheckFailed: no Deployment test-api-small");
    expect(first.reason).toContain("A StatefulSet of that name exists");
    expect(first.remedy).toMatch(/keda-scaler\.yaml:\d+ add kind: StatefulSet$/);
  });

  test("a query that matches nothing", async () => {
    const { scenario } = await failing("scale from zero", topology("faults/query-matches-nothing"));
    const first = scenario.checks[0]!;
    expect(first).toMatchObject({ name: FIRST_RESPONSE, verdict: "fail" });
    expect(first.reason).toContain("query matched nothing");
    expect(first.reason).toContain('test_active_tenants{tier="smal"}');
    expect(first.remedy).toMatch(/kustomization\.yaml:\d+ compare the query's metric name and labels/);
  });
});

describe("consistent hashing", () => {
  /** Of the checks of hashing, those that failed: each must name the cause. */
  const failed = (checks: readonly ResultCheck[]): ResultCheck[] =>
    checks.filter(({ name, verdict }) => verdict === "fail" && name !== "requests lost");

  test("the routing Service made headless: nothing hashes", async () => {
    const { scenario } = await failing("consistent hashing", topology("faults/headless-routing-service"));
    const wrong = failed(scenario.checks);
    // The gateway keeps the connections that it has, so chance says which of the three shows it most.
    expect(wrong.length).toBeGreaterThanOrEqual(1);
    for (const { name, reason, remedy } of wrong) {
      expect([ONE_POD_EACH, SAME_OWNER, PODS_USED]).toContain(name);
      expect(reason).toContain("is ORIGINAL_DST: Service test-api-small is headless (clusterIP: None)");
      expect(reason).toContain("nothing hashes");
      expect(remedy).toMatch(/:\d+ take clusterIP: None away from test-api-small/);
    }
  });

  test("the DestinationRule on the headless host: a rule for a host that nobody calls", async () => {
    const { scenario } = await failing("consistent hashing", topology("faults/rule-on-headless-host"));
    const own = checkNamed(scenario, ONE_POD_EACH);
    expect(own.verdict).toBe("fail");
    expect(own.measured).toBeLessThan(60);
    for (const { reason, remedy } of failed(scenario.checks)) {
      expect(reason).toContain("balanced by LEAST_REQUEST, not by hashing");
      expect(reason).toContain("test-api-small-affinity is for host test-api-small-headless");
      expect(reason).toContain("which nobody calls");
      expect(remedy).toMatch(/:\d+ host: test-api-small\.percolate-test\.svc\.cluster\.local$/);
    }
  });

  test("hashing replaced by random", async () => {
    const { scenario } = await failing("consistent hashing", ["--hash-override", "RANDOM"]);
    const own = checkNamed(scenario, ONE_POD_EACH);
    expect(own.verdict).toBe("fail");
    // Five pods: a tenant meets its busiest one in little more than every fifth request.
    expect(own.measured).toBeLessThan(40);
    expect(checkNamed(scenario, SAME_OWNER).verdict).toBe("fail");
    for (const { reason } of failed(scenario.checks)) {
      expect(reason).toContain("hashing was replaced by RANDOM in this run");
      expect(reason).toContain("the manifests say RING_HASH on header x-tenant-id");
    }
  });
});
