/** StatefulSets and Deployments, with the API's defaults filled in. */
import { at, listAt, numberAt, objectAt, textAt, textsAt } from "./json.ts";
import { isKind, selects } from "./read-objects.ts";
import type { Container, EnvValue, Json, Manifest, Probe, Service, Workload } from "./types.ts";

type Ports = Container["ports"];

export function readWorkload(
  manifest: Manifest,
  manifests: readonly Manifest[],
  services: readonly Service[],
): Workload {
  const { body, namespace } = manifest;
  const pod = at(body, "spec", "template", "spec");
  const podLabels = textsAt(body, "spec", "template", "metadata", "labels");
  const containers = listAt(pod, "containers");
  const targets = services.filter((service) => selects(service, namespace, podLabels));
  return {
    kind: manifest.kind === "StatefulSet" ? "StatefulSet" : "Deployment",
    name: manifest.name,
    namespace,
    replicas: numberAt(body, "spec", "replicas"),
    podManagementPolicy:
      textAt(body, "spec", "podManagementPolicy") === "Parallel" ? "Parallel" : "OrderedReady",
    minReadySeconds: numberAt(body, "spec", "minReadySeconds") ?? 0,
    terminationGracePeriodSeconds: numberAt(pod, "terminationGracePeriodSeconds") ?? 30,
    serviceName: textAt(body, "spec", "serviceName"),
    podLabels,
    podAnnotations: textsAt(body, "spec", "template", "metadata", "annotations"),
    container: readContainer(mainContainer(containers, targets), manifest, manifests),
    manifest,
  };
}

const portsOf = (container: Json | undefined): Ports =>
  listAt(container, "ports").map((port) => ({
    name: textAt(port, "name"),
    containerPort: numberAt(port, "containerPort") ?? 0,
  }));

/** Of several containers the one that a Service sends requests to, else the first; the others are not run. */
function mainContainer(containers: readonly Json[], services: readonly Service[]): Json | undefined {
  const wanted = services.flatMap((service) => service.ports.map((port) => port.targetPort));
  const serves = (container: Json): boolean =>
    portsOf(container).some(({ name, containerPort }) =>
      wanted.some((target) => target === containerPort || (name !== null && target === name)),
    );
  return containers.find(serves) ?? containers[0];
}

function readContainer(
  container: Json | undefined,
  manifest: Manifest,
  manifests: readonly Manifest[],
): Container {
  const ports = portsOf(container);
  const probe = (field: string): Probe | null => readProbe(at(container, field), ports);
  return {
    name: textAt(container, "name") ?? "",
    image: textAt(container, "image") ?? "",
    env: readEnv(container, manifest.namespace, manifests),
    ports,
    readinessProbe: probe("readinessProbe"),
    startupProbe: probe("startupProbe"),
    livenessProbe: probe("livenessProbe"),
    preStopSleepSeconds: preStopSleep(at(container, "lifecycle", "preStop")),
  };
}

/** HTTP probes only; another kind is not acted on, and the pod counts as that probe's success. */
function readProbe(probe: Json | undefined, ports: Ports): Probe | null {
  const http = at(probe, "httpGet");
  if (http === undefined || http === null) return null;
  const port = at(http, "port");
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return {
    path: textAt(http, "path") ?? "/",
    port: typeof port === "number" ? port : (named ?? Number(port)),
    initialDelaySeconds: numberAt(probe, "initialDelaySeconds") ?? 0,
    periodSeconds: numberAt(probe, "periodSeconds") ?? 10,
    timeoutSeconds: numberAt(probe, "timeoutSeconds") ?? 1,
    successThreshold: numberAt(probe, "successThreshold") ?? 1,
    failureThreshold: numberAt(probe, "failureThreshold") ?? 3,
  };
}

/** `sleep: {seconds}`, or the older `exec` of a sleep. */
function preStopSleep(preStop: Json | undefined): number {
  const seconds = numberAt(preStop, "sleep", "seconds");
  if (seconds !== null) return seconds;
  const words = listAt(preStop, "exec", "command").map(String).join(" ");
  return Number(/(?:^|\s|\/)sleep\s+(\d+(?:\.\d+)?)s?(?:\s|;|&|$)/.exec(words)?.[1] ?? 0);
}

/** A ConfigMap's or Secret's values by key, if the manifests hold it. */
function valuesOf(
  kind: "ConfigMap" | "Secret",
  name: string | null,
  namespace: string,
  manifests: readonly Manifest[],
): Readonly<Record<string, string>> {
  const found = manifests.find(
    (manifest) => isKind(manifest, "", kind) && manifest.name === name && manifest.namespace === namespace,
  );
  if (found === undefined) return {};
  const data = textsAt(found.body, "data");
  if (kind === "ConfigMap") return data;
  const decoded = Object.entries(data).map(([key, value]) => [
    key,
    Buffer.from(value, "base64").toString("utf8"),
  ]);
  return { ...Object.fromEntries(decoded), ...textsAt(found.body, "stringData") };
}

function readEnv(
  container: Json | undefined,
  namespace: string,
  manifests: readonly Manifest[],
): readonly EnvValue[] {
  const found = new Map<string, EnvValue>();
  for (const source of listAt(container, "envFrom")) {
    const prefix = textAt(source, "prefix") ?? "";
    const values = {
      ...valuesOf("ConfigMap", textAt(source, "configMapRef", "name"), namespace, manifests),
      ...valuesOf("Secret", textAt(source, "secretRef", "name"), namespace, manifests),
    };
    for (const [key, value] of Object.entries(values)) found.set(prefix + key, { name: prefix + key, value });
  }
  for (const item of listAt(container, "env")) {
    const name = textAt(item, "name");
    if (name === null) continue;
    const fieldPath = textAt(item, "valueFrom", "fieldRef", "fieldPath");
    if (fieldPath !== null) {
      found.set(name, { name, fieldPath });
      continue;
    }
    const value = envText(item, namespace, manifests);
    if (value !== null) found.set(name, { name, value: expanded(value, found) });
  }
  return [...found.values()];
}

function envText(item: Json, namespace: string, manifests: readonly Manifest[]): string | null {
  const from = objectAt(item, "valueFrom");
  for (const [field, kind] of [
    ["configMapKeyRef", "ConfigMap"],
    ["secretKeyRef", "Secret"],
  ] as const) {
    const key = textAt(from, field, "key");
    if (key !== null) return valuesOf(kind, textAt(from, field, "name"), namespace, manifests)[key] ?? null;
  }
  return Object.keys(from).length > 0 ? null : (textAt(item, "value") ?? "");
}

/** `$(NAME)` of a variable given before; `$$(NAME)` is a dollar sign; what is not known stays. */
function expanded(value: string, known: ReadonlyMap<string, EnvValue>): string {
  return value.replaceAll(
    /\$(\$)?\(([-._A-Za-z0-9]+)\)/g,
    (whole, escaped: string | undefined, name: string) => {
      if (escaped !== undefined) return whole.slice(1);
      const other = known.get(name);
      return other !== undefined && "value" in other ? other.value : whole;
    },
  );
}
