/**
 * The smoke test at the end of set-up: what a set-up that only looks finished does not have. Prometheus reads every pod, the gauge that
 * scaling lives on is there, KEDA is content with each ScaledObject, and the gateway's own Envoy hashes where the manifests mean it to.
 */
import type { Command, Outcome } from "../exec/run-command.ts";
import { at, listAt, textAt } from "../topology/json.ts";
import type { Json } from "../topology/types.ts";
import { kubectl } from "./commands.ts";
import type { Expected } from "./expected.ts";

export type SmokeCheck = { readonly name: string; readonly ok: boolean; readonly seen: string };

export type SmokeTest = {
  readonly command: Command;
  readonly judge: (outcome: Outcome) => readonly SmokeCheck[];
};

export function smokeTests(expected: Expected): SmokeTest[] {
  return [
    targets(expected),
    gauge(expected),
    scaledObjects(expected),
    ...(expected.mesh ? [envoy(expected)] : []),
  ];
}

/** Asked from inside its pod: neither a NetworkPolicy nor a port of this machine is in the way. */
const fromPrometheus = ({ namespace }: Expected, path: string): Command =>
  kubectl(
    "exec",
    "deployment.apps/prometheus",
    "--namespace",
    namespace,
    "--container",
    "prometheus",
    "--",
    "wget",
    "-q",
    "-O",
    "-",
    `http://127.0.0.1:9090${path}`,
  );

const targets = (expected: Expected): SmokeTest => ({
  command: fromPrometheus(expected, "/api/v1/targets?state=active"),
  judge: asJson("Prometheus' targets", (answer) => {
    const found = listAt(answer, "data", "activeTargets");
    const down = found.filter((target) => textAt(target, "health") !== "up");
    const pods = found.map((target) => textAt(target, "labels", "kubernetes_pod"));
    const twice = [...new Set(pods.filter((pod, i) => pods.indexOf(pod) !== i))];
    const entry = found.some((target) => textAt(target, "labels", "app") === expected.gateway);
    const seen = [
      `${found.length - down.length} of ${found.length} up`,
      ...down.map((target) => `${textAt(target, "scrapeUrl")} ${textAt(target, "lastError")}`),
      ...twice.map((pod) => `${pod} is read twice`),
      ...(entry ? [] : [`none of ${expected.gateway}`]),
    ];
    return [
      {
        name: "Prometheus' targets are up",
        ok: entry && down.length + twice.length === 0,
        seen: seen.join("; "),
      },
    ];
  }),
});

const gauge = (expected: Expected): SmokeTest => ({
  command: fromPrometheus(expected, "/api/v1/query?query=test_active_tenants"),
  judge: asJson("the gauge", (answer) => {
    const tiers = listAt(answer, "data", "result").map((series) => textAt(series, "metric", "tier"));
    const absent = expected.tiers.filter((tier) => !tiers.includes(tier));
    return [
      {
        name: "test_active_tenants has a sample for each tier",
        ok: absent.length === 0,
        seen: absent.length === 0 ? tiers.join(", ") : `none for ${absent.join(", ")}`,
      },
    ];
  }),
});

const scaledObjects = ({ namespace, scaledObjects: names }: Expected): SmokeTest => ({
  command: kubectl("get", "scaledobjects.keda.sh", "--namespace", namespace, "--output", "json"),
  judge: asJson("ScaledObjects", (answer) =>
    names.map((name) => {
      const found = listAt(answer, "items").find((item) => textAt(item, "metadata", "name") === name);
      const ready = listAt(found, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
      return {
        name: `ScaledObject ${name} is Ready`,
        ok: textAt(ready, "status") === "True",
        seen:
          ready === undefined
            ? "no condition Ready"
            : `${textAt(ready, "reason")}: ${textAt(ready, "message")}`,
      };
    }),
  ),
});

const envoy = ({ namespace, gateway, hashed }: Expected): SmokeTest => ({
  command: kubectl(
    "exec",
    `deployment.apps/${gateway}`,
    "--namespace",
    namespace,
    "--container",
    "istio-proxy",
    "--",
    "pilot-agent",
    "request",
    "GET",
    "config_dump?resource=dynamic_active_clusters",
  ),
  judge: asJson("the gateway's Envoy", (answer) => {
    const clusters = listAt(answer, "configs").map((config) => at(config, "cluster"));
    return hashed.map(({ cluster: name, lbPolicy }) => {
      const found = clusters.find((cluster) => textAt(cluster, "name") === name);
      // Envoy leaves a default out: no type is STATIC, no policy ROUND_ROBIN.
      const type = textAt(found, "type") ?? "STATIC";
      const policy = textAt(found, "lb_policy") ?? "ROUND_ROBIN";
      return {
        name: `the gateway's Envoy hashes for ${name.replace(/^.*\|/, "").split(".")[0]}`,
        ok: found !== undefined && type === "EDS" && policy === lbPolicy,
        seen: found === undefined ? `has no cluster ${name}` : `type ${type}, lb_policy ${policy}`,
      };
    });
  }),
});

/** Where there is no answer, or not JSON, that is what was seen. */
function asJson(what: string, judge: (answer: Json) => readonly SmokeCheck[]) {
  return (outcome: Outcome): readonly SmokeCheck[] => {
    const silent = (seen: string): readonly SmokeCheck[] => [
      { name: `${what} can be asked`, ok: false, seen },
    ];
    if (outcome.code !== 0) return silent(outcome.stderr.trim() || outcome.ended);
    try {
      return judge(JSON.parse(outcome.stdout) as Json);
    } catch {
      return silent(`not JSON: ${outcome.stdout.slice(0, 80)}`);
    }
  };
}
