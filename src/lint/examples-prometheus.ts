/** A Prometheus with its configuration, for examples. */
import { workload, yaml } from "./examples.ts";

export const prometheusDeployment = (config: string, labels = "{app: prometheus}"): string =>
  yaml(
    workload({
      name: "prometheus",
      image: "prom/prometheus:v3.5.0",
      labels,
      pod: "volumes: [{name: config, configMap: {name: prometheus}}]",
    }),
    `
apiVersion: v1
kind: ConfigMap
metadata: {name: prometheus, namespace: shop}
data:
  prometheus.yml: |
${config.replaceAll(/^/gm, "    ")}`,
  );
