/** Every rule there is, in the order of their codes within a family. */
import type { Rule } from "./rule.ts";
import { INPUT_RULES } from "./rules/input.ts";
import { ADMISSION_RULES } from "./rules/keda-admission.ts";
import { HPA_RULES } from "./rules/keda-hpa.ts";
import { QUERY_RULES } from "./rules/keda-query.ts";
import { TARGET_RULES } from "./rules/keda-target.ts";
import { TRIGGER_RULES } from "./rules/keda-trigger.ts";
import { METRICS_RULES } from "./rules/metrics.ts";
import { SCRAPE_RULES } from "./rules/metrics-scrape.ts";
import { CLUSTER_RULES } from "./rules/routing-cluster.ts";
import { HOST_RULES } from "./rules/routing-hosts.ts";
import { KEY_RULES } from "./rules/routing-key.ts";
import { OUTLIER_RULES } from "./rules/routing-outlier.ts";
import { PATH_RULES } from "./rules/routing-path.ts";
import { REQUEST_RULES } from "./rules/routing-request.ts";
import { ROUTE_RULES } from "./rules/routing-route.ts";
import { UNMET_RULES } from "./rules/routing-unmet.ts";
import { SECURITY_RULES } from "./rules/security.ts";
import { ACCESS_RULES } from "./rules/security-access.ts";
import { TIMING_RULES } from "./rules/timing.ts";
import { SCALING_RULES } from "./rules/timing-scaling.ts";
import { POD_RULES } from "./rules/workload-pods.ts";
import { SERVICE_RULES } from "./rules/workload-services.ts";

const FAMILY_ORDER = "RKTWMSL";

const rank = ({ code }: Rule): string => `${FAMILY_ORDER.indexOf(code.charAt(7))}${code.slice(8)}`;

export const RULES: readonly Rule[] = [
  ...CLUSTER_RULES,
  ...HOST_RULES,
  ...KEY_RULES,
  ...OUTLIER_RULES,
  ...PATH_RULES,
  ...REQUEST_RULES,
  ...ROUTE_RULES,
  ...UNMET_RULES,
  ...ADMISSION_RULES,
  ...HPA_RULES,
  ...QUERY_RULES,
  ...TARGET_RULES,
  ...TRIGGER_RULES,
  ...TIMING_RULES,
  ...SCALING_RULES,
  ...POD_RULES,
  ...SERVICE_RULES,
  ...METRICS_RULES,
  ...SCRAPE_RULES,
  ...SECURITY_RULES,
  ...ACCESS_RULES,
  ...INPUT_RULES,
].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
