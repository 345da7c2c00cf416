/** Objects and fields of the test topology, and the commonest demonstrations. */
import type { Path } from "../hash-rules.ts";
import type { Show, ShownChange } from "./show.ts";

export const SERVICE = "Service test-api-small";
export const RULE = "DestinationRule test-api-small-affinity";
export const ROUTE = "VirtualService test-api-small-routing";
export const SCALER = "ScaledObject test-api-small-scaler";
export const PODS = "StatefulSet test-api-small";
export const GATEWAY = "Deployment test-gateway";
export const HOST = "test-api-small.percolate-test.svc.cluster.local";

export const BALANCER: Path = ["spec", "trafficPolicy", "loadBalancer"];
export const HASH: Path = [...BALANCER, "consistentHash"];
export const PORT_LEVEL: Path = ["spec", "trafficPolicy", "portLevelSettings"];
export const DESTINATION: Path = ["spec", "http", 0, "route", 0, "destination"];
export const TRIGGER: Path = ["spec", "triggers", 0];
export const METADATA: Path = [...TRIGGER, "metadata"];
export const CONTAINER: Path = ["spec", "template", "spec", "containers", 0];
export const GAUGE = 'max by (tier) (test_active_tenants{tier="small"})';

export const BEHAVIOR: Path = ["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"];
export const GRACE: Path = ["spec", "template", "spec", "terminationGracePeriodSeconds"];
/** So that a run can begin although nothing scales. */
export const AT_ZERO: ShownChange = { object: PODS, at: ["spec", "replicas"], value: 0 };
/** Requests long enough to be in flight when a pod goes. */
export const WORKING: ShownChange = {
  object: PODS,
  at: [...CONTAINER, "env", 3, "value"],
  value: "7000",
};
/** Pods that are ready, and listed, as soon as their container runs: for some seconds they refuse what comes. */
export const UNPROBED: readonly ShownChange[] = [
  { object: PODS, at: [...CONTAINER, "startupProbe"] },
  { object: PODS, at: [...CONTAINER, "readinessProbe"] },
];

export const hash = (check: string, ...changes: readonly ShownChange[]): Show => ({
  scenario: "hash",
  check,
  changes,
});
export const wake = (...changes: readonly ShownChange[]): Show => ({
  scenario: "wake",
  check: "first response",
  changes,
});
/** One pod of several is killed and takes its time to listen again. */
export const restart = (...changes: readonly ShownChange[]): Show => ({
  scenario: "restart",
  check: "first response",
  slow: true,
  changes,
});
export const query = (text: string): ShownChange => ({
  object: SCALER,
  at: [...METADATA, "query"],
  value: text,
});
export const OWN_POD = "requests to the tenant's own pod";
export const USED = "pods that answered";

/** Connections stay where they were led: how many pods that is, chance decides. */
export const unbalanced = (...changes: readonly ShownChange[]): Show => ({
  ...hash(OWN_POD, ...changes),
  or: USED,
});
