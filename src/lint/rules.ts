/** Every rule there is, in the order of their codes within a family. */
import type { Rule } from "./rule.ts";
import { INPUT_RULES } from "./rules/input.ts";
import { HPA_RULES } from "./rules/keda-hpa.ts";
import { TARGET_RULES } from "./rules/keda-target.ts";
import { TRIGGER_RULES } from "./rules/keda-trigger.ts";
import { CLUSTER_RULES } from "./rules/routing-cluster.ts";
import { HOST_RULES } from "./rules/routing-hosts.ts";
import { PATH_RULES } from "./rules/routing-path.ts";
import { ROUTE_RULES } from "./rules/routing-route.ts";
import { TIMING_RULES } from "./rules/timing.ts";
import { METRICS_RULES } from "./rules/metrics.ts";
import { SECURITY_RULES } from "./rules/security.ts";
import { POD_RULES } from "./rules/workload-pods.ts";
import { SERVICE_RULES } from "./rules/workload-services.ts";

const FAMILY_ORDER = "RKTWMSL";

const rank = ({ code }: Rule): string => `${FAMILY_ORDER.indexOf(code.charAt(7))}${code.slice(8)}`;

export const RULES: readonly Rule[] = [
  ...CLUSTER_RULES,
  ...ROUTE_RULES,
  ...HOST_RULES,
  ...PATH_RULES,
  ...TARGET_RULES,
  ...TRIGGER_RULES,
  ...HPA_RULES,
  ...TIMING_RULES,
  ...POD_RULES,
  ...SERVICE_RULES,
  ...METRICS_RULES,
  ...SECURITY_RULES,
  ...INPUT_RULES,
].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
