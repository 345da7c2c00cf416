/** Which program plays a container on this machine, and with what environment. */
import { dirname } from "node:path";
import { ownProgram } from "../../exec/supervisor.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import type { Container, Topology, Workload } from "../../topology/types.ts";

export type ContainerProgram = {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Limpet's own gateway or API program, whether by its image's name or as a stand-in. */
  readonly own: "gateway" | "api" | null;
  /** Takes the place of an image that nothing maps to a command. */
  readonly standIn: boolean;
  /** A user's command keeps real time unless `limpet.yaml` says otherwise. */
  readonly honoursSpeed: boolean;
};

/** `localhost:5001/test-gateway:dev` → `test-gateway`. */
const imageName = (image: string): string =>
  image
    .replace(/@.*$/, "")
    .replace(/:[^/:]*$/, "")
    .replace(/^.*\//, "");

export function programFor(topology: Topology, workload: Workload, container: Container): ContainerProgram {
  const mapped = topology.config.programs[container.image];
  if (mapped && mapped.command.length > 0) {
    const [file, ...args] = mapped.command;
    return {
      command: [file ?? "", ...args],
      env: mapped.env,
      // Its paths are relative to the file that names it.
      ...(topology.config.file === null ? {} : { cwd: dirname(topology.config.file) }),
      own: null,
      standIn: false,
      honoursSpeed: mapped.honoursSpeed,
    };
  }
  const name = imageName(container.image);
  const isEntry = workload === topology.entry.workload;
  if (isEntry && name === "test-gateway") return ownGateway({}, false);
  if (!isEntry && name === "test-api") return ownApi({}, false);
  return isEntry
    ? ownGateway(gatewayStandInEnv(topology), true)
    : ownApi(apiStandInEnv(topology, workload), true);
}

const ownGateway = (env: Record<string, string>, standIn: boolean): ContainerProgram => ({
  command: ownProgram("services/gateway"),
  env,
  own: "gateway",
  standIn,
  honoursSpeed: true,
});

const ownApi = (env: Record<string, string>, standIn: boolean): ContainerProgram => ({
  command: ownProgram("services/api"),
  env,
  own: "api",
  standIn,
  honoursSpeed: true,
});

/** What our gateway has to know to take the place of somebody else's. */
function gatewayStandInEnv(topology: Topology): Record<string, string> {
  const { config, tiers } = topology;
  const backends = tiers.map((tier) => {
    const port = tier.routingService.ports[0]?.port ?? 80;
    const url = `http://${tier.routingService.fqdn}:${port}`;
    const headless = tier.headlessService?.publishNotReadyAddresses ? tier.headlessService.fqdn : undefined;
    return [tier.name, { url, ...(headless === undefined ? {} : { headless }) }] as const;
  });
  const metrics = tiers.flatMap((tier) => activeTenantsMetricOf(topology, tier.name));
  return {
    BACKENDS: JSON.stringify(Object.fromEntries(backends)),
    DEFAULT_TIER: tiers[0]?.name ?? "",
    ACTIVE_TENANTS_METRICS: JSON.stringify(metrics),
    ...(config.request
      ? {
          REQUEST_PATH: config.request.path,
          BACKEND_PATH: config.request.path,
          TENANT_HEADER: config.request.tenantHeader,
          POD_FIELD: config.request.podField,
          ...(config.request.tierHeader ? { TIER_HEADER: config.request.tierHeader } : {}),
        }
      : {}),
  };
}

function apiStandInEnv(topology: Topology, workload: Workload): Record<string, string> {
  const { config } = topology;
  return {
    TIER: topology.tiers.find((tier) => tier.workload === workload)?.name ?? workload.name,
    ...(config.request
      ? {
          REQUEST_PATH: config.request.path,
          TENANT_HEADER: config.request.tenantHeader,
          POD_FIELD: config.request.podField,
        }
      : {}),
  };
}

export type ActiveTenantsMetric = {
  readonly tier: string;
  readonly metric: string;
  readonly labels: Record<string, string>;
};

/**
 * Which series counts a tier's active tenants: as `limpet.yaml` declares, else the one selector of the tier's query, so
 * that a stand-in exports what the trigger asks for.
 */
export function activeTenantsMetricOf(topology: Topology, tierName: string): ActiveTenantsMetric[] {
  const declared = topology.config.activeTenants;
  if (declared) {
    const labels = Object.entries(declared.labels).map(([key, value]) => [
      key,
      value.replaceAll("{tier}", tierName),
    ]);
    return [
      {
        tier: tierName,
        metric: declared.metric,
        labels: Object.fromEntries(labels) as Record<string, string>,
      },
    ];
  }
  const tier = topology.tiers.find(({ name }) => name === tierName);
  const trigger = tier?.scaledObject?.triggers.find(({ type }) => type === "prometheus");
  const query = trigger?.metadata["query"] ?? "";
  const selectors = [...query.matchAll(/([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}/g)];
  const only = selectors.length === 1 ? selectors[0] : undefined;
  if (!only) return [];
  const labels = [...(only[2] ?? "").matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"]*)"/g)].map((match) => [
    match[1],
    match[2],
  ]);
  return [
    { tier: tierName, metric: only[1] ?? "", labels: Object.fromEntries(labels) as Record<string, string> },
  ];
}

/** The container's own variables, with what the downward API gives. */
export function containerEnv(pod: PodIdentity): Record<string, string> {
  const { workload } = pod;
  const fields: Record<string, string> = {
    "metadata.name": pod.name,
    "metadata.namespace": workload.namespace,
    "metadata.uid": pod.uid,
    "status.podIP": pod.podIP,
    "spec.nodeName": "local",
  };
  const labelOf = (path: string): string =>
    workload.podLabels[/^metadata\.labels\['(.+)'\]$/.exec(path)?.[1] ?? ""] ?? "";
  return Object.fromEntries(
    pod.container.env.map((entry) => [
      entry.name,
      "value" in entry ? entry.value : (fields[entry.fieldPath] ?? labelOf(entry.fieldPath)),
    ]),
  );
}

export type Listener = {
  readonly host: string;
  readonly port: number;
  readonly bindAddress: string;
  readonly bindPort: number;
};

/**
 * Replaces the names of the topology's Services in a variable by the loopback listeners that stand for them, in every
 * form that cluster DNS takes (`name`, `name.namespace`, `….svc`, `….svc.cluster.local`), with or without a port.
 */
export function rewriteServiceNames(
  value: string,
  listeners: readonly Listener[],
  namespace: string,
): string {
  let result = value;
  for (const { host, port, bindAddress, bindPort } of listeners) {
    const [name = "", ownNamespace = ""] = host.split(".");
    const forms = [
      host,
      `${name}.${ownNamespace}.svc`,
      `${name}.${ownNamespace}`,
      ...(ownNamespace === namespace ? [name] : []),
    ];
    for (const form of forms) {
      const pattern = new RegExp(
        `(^|[/@,;="'\\s])${escapeRegExp(form)}(:${port})${port === 80 ? "?" : ""}(?=$|[/,;"'\\s?#])`,
        "g",
      );
      result = result.replace(pattern, `$1${bindAddress}:${bindPort}`);
    }
  }
  return result;
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** The names in a container's variables that look like hosts of a cluster but belong to no Service of the topology. */
export function unreachableNames(topology: Topology, container: Container): string[] {
  const known = new Set(topology.services.map(({ fqdn }) => fqdn));
  const names = container.env.flatMap((entry) =>
    "value" in entry
      ? [...entry.value.matchAll(/[a-z0-9-]+\.[a-z0-9-]+\.svc(?:\.cluster\.local)?/g)].map(([name]) => name)
      : [],
  );
  const full = names.map((name) => (name.endsWith(".svc") ? `${name}.cluster.local` : name));
  return [...new Set(full)].filter((name) => !known.has(name));
}
