/** Which objects are a tier, which is the entry: from `limpet.yaml`, else from what refers to what. */
import { at, listAt, textAt } from "./json.ts";
import type { LocatedConfig } from "./config.ts";
import type { Problems } from "./problems.ts";
import { isKind, selects, thresholdOf } from "./read-objects.ts";
import { callFindings } from "./call-findings.ts";
import { mentions, namesOf, type Mention } from "./references.ts";
import { isPrometheusImage } from "./scrape.ts";
import { nearest } from "./suggest.ts";
import type { Finding, Manifest, ScaledObject, Service, Source, Tier, Topology, Workload } from "./types.ts";

export type Objects = {
  readonly manifests: readonly Manifest[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly scaledObjects: readonly ScaledObject[];
};

export type WhoIsWho = {
  readonly tiers: readonly Tier[];
  readonly entry: Topology["entry"];
  readonly findings: readonly Finding[];
};

const sourceOf = (manifest: Manifest): Source => manifest.at("metadata", "name");

const quoted = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

const servicesOf = (workload: Workload, services: readonly Service[]): Service[] =>
  services.filter((service) => selects(service, workload.namespace, workload.podLabels));

/**
 * The workload that a ScaledObject is meant for: the one that it names with its kind; else, its reference being wrong,
 * the one of that name; else the one whose name its own name begins with.
 */
export function workloadMeantBy(scaledObject: ScaledObject, workloads: readonly Workload[]): Workload | null {
  const { kind, name } = scaledObject.scaleTargetRef;
  const here = workloads.filter(({ namespace }) => namespace === scaledObject.namespace);
  const exact = here.find((workload) => workload.kind === kind && workload.name === name);
  if (exact !== undefined) return exact;
  const byName = here.find((workload) => workload.name === name);
  if (byName !== undefined) return byName;
  const [longest] = here
    .filter(
      (workload) => scaledObject.name === workload.name || scaledObject.name.startsWith(`${workload.name}-`),
    )
    .sort((a, b) => b.name.length - a.name.length);
  return longest ?? null;
}

type Scaled = { readonly workload: Workload; readonly scaledObject: ScaledObject | null };

function scaledWorkloads(objects: Objects, findings: Finding[]): Scaled[] {
  const found = new Map<Workload, ScaledObject>();
  for (const scaledObject of objects.scaledObjects) {
    const workload = workloadMeantBy(scaledObject, objects.workloads);
    const ref = scaledObject.manifest.at("spec", "scaleTargetRef", "name");
    const { kind, name } = scaledObject.scaleTargetRef;
    if (workload === null) {
      findings.push({
        ...ref,
        message: `ScaledObject ${scaledObject.name} scales ${kind} ${name}, which is not in the manifests`,
        remedy: "correct the name, or add the workload",
      });
      continue;
    }
    const before = found.get(workload);
    if (before === undefined) found.set(workload, scaledObject);
    else
      findings.push({
        ...ref,
        message: `${workload.kind} ${workload.name} is already scaled by ScaledObject ${before.name}; KEDA refuses ${scaledObject.name}`,
        remedy: "put both triggers into one ScaledObject",
      });
  }
  return [...found].map(([workload, scaledObject]) => ({ workload, scaledObject }));
}

export function whoIsWho(objects: Objects, located: LocatedConfig, problems: Problems): WhoIsWho {
  const findings: Finding[] = [];
  const scaled = scaledWorkloads(objects, findings);
  const declared = declaredTiers(objects, located, scaled, problems);
  const others = scaled.filter(({ workload }) => !declared.some((tier) => tier.workload === workload));
  const withServices = others.filter(({ workload }) => {
    if (servicesOf(workload, objects.services).length > 0) return true;
    findings.push({
      ...sourceOf(workload.manifest),
      message: `${workload.kind} ${workload.name} is scaled, but no Service selects its pods, so it is no tier`,
      remedy: "give it a Service whose selector matches its pods' labels, if requests are to reach it",
    });
    return false;
  });
  const tierWorkloads = new Set([...declared, ...withServices].map(({ workload }) => workload));
  if (tierWorkloads.size === 0) refuseNoTier(objects, problems);
  // Without a tier every workload would look like an entry.
  if (tierWorkloads.size === 0) problems.throwIfAny();
  const entry = findEntry(
    objects,
    located,
    new Set([...tierWorkloads, ...scaled.map((s) => s.workload)]),
    problems,
  );
  if (entry === null) problems.throwIfAny();
  if (entry === null) throw new Error("an entry that is not found is a problem");
  const called = mentions(entry.container, entry.workload.namespace, objects.services);
  findings.push(...callFindings(entry, objects));
  const names = named(withServices);
  const tiers = [
    ...declared.map((tier) => toTier(tier.name, tier, tier.services, called, objects)),
    ...withServices.map((scaledOne, i) =>
      toTier(names[i] ?? "", scaledOne, servicesOf(scaledOne.workload, objects.services), called, objects),
    ),
  ];
  const order = (tier: Tier): number => scaled.findIndex(({ workload }) => workload === tier.workload);
  return {
    tiers: declared.length > 0 ? tiers : tiers.sort((a, b) => order(a) - order(b)),
    entry,
    findings,
  };
}

/** By label `tier` where no two share it, else by the workload's name. */
function named(scaled: readonly Scaled[]): string[] {
  const labels = scaled.map(
    ({ workload }) => workload.manifest.labels.tier ?? workload.podLabels.tier ?? null,
  );
  return scaled.map(({ workload }, i) => {
    const label = labels[i] ?? null;
    return label !== null && labels.filter((other) => other === label).length === 1 ? label : workload.name;
  });
}

type Declared = Scaled & { readonly name: string; readonly services: readonly Service[] };

function declaredTiers(
  objects: Objects,
  located: LocatedConfig,
  scaled: readonly Scaled[],
  problems: Problems,
): Declared[] {
  return Object.entries(located.config.tiers).flatMap(([name, tier]) => {
    const workload = objects.workloads.find((candidate) => candidate.name === tier.workload);
    if (workload === undefined) {
      refuseName(
        "workload",
        tier.workload,
        objects.workloads,
        located.at("tiers", name, "workload"),
        problems,
      );
      return [];
    }
    const services = tier.services.flatMap((service, i) => {
      const found = objects.services.find((candidate) => candidate.name === service);
      if (found === undefined)
        refuseName("Service", service, objects.services, located.at("tiers", name, "services", i), problems);
      return found ?? [];
    });
    const all = services.length > 0 ? services : servicesOf(workload, objects.services);
    if (all.length === 0 && tier.services.length === 0)
      problems.add(
        located.at("tiers", name),
        `tier ${name}: no Service selects the pods of ${workload.kind} ${workload.name}`,
      );
    if (all.length === 0) return [];
    const scaledObject = scaled.find((one) => one.workload === workload)?.scaledObject ?? null;
    return [{ name, workload, scaledObject, services: all }];
  });
}

function refuseName(
  what: string,
  name: string,
  known: readonly { readonly name: string }[],
  where: Source,
  problems: Problems,
): void {
  const names = known.map((one) => one.name);
  const meant = nearest(name, names);
  const hint = meant === null ? "" : ` Did you mean ${JSON.stringify(meant)}?`;
  problems.add(
    where,
    `no ${what} ${JSON.stringify(name)} in the manifests.${hint} There are: ${quoted(names)}`,
  );
}

function refuseNoTier(objects: Objects, problems: Problems): void {
  const { workloads, scaledObjects } = objects;
  problems.add(
    null,
    workloads.length === 0
      ? "no Deployment or StatefulSet in the manifests; there is nothing to run"
      : `nothing in the manifests is scaled: ${scaledObjects.length} ScaledObjects, none for a workload with a Service. ` +
          "Say in limpet.yaml which workload is a tier: tiers: {NAME: {workload: …}}. " +
          `There are: ${quoted(workloads.map(({ kind, name }) => `${kind} ${name}`))}`,
  );
}

function findEntry(
  objects: Objects,
  located: LocatedConfig,
  scaled: ReadonlySet<Workload>,
  problems: Problems,
): Topology["entry"] | null {
  const { services, workloads } = objects;
  const wanted = located.config.entry;
  if (wanted !== null) {
    const workload = workloads.find(({ name }) => name === wanted);
    if (workload === undefined) {
      refuseName("workload", wanted, workloads, located.at("entry"), problems);
      return null;
    }
    const [service] = servicesOf(workload, services);
    if (service === undefined)
      problems.add(located.at("entry"), `the entry ${workload.kind} ${wanted} has no Service; give it one`);
    return service === undefined ? null : { workload, service, container: workload.container };
  }
  const candidates = workloads
    .filter((workload) => !scaled.has(workload) && !isPrometheusImage(workload.container.image))
    .map((workload) => ({ workload, service: preferClusterIp(servicesOf(workload, services)) }));
  const withService = candidates.filter(({ service }) => service !== undefined);
  const [only] = withService;
  if (withService.length === 1 && only?.service !== undefined)
    return { workload: only.workload, service: only.service, container: only.workload.container };
  const list = (withService.length > 1 ? withService : candidates).map(({ workload }) => {
    const { file, line } = sourceOf(workload.manifest);
    return `${workload.kind} ${workload.name} (${file}:${line})`;
  });
  problems.add(
    null,
    withService.length > 1
      ? `which workload do requests enter by? ${withService.length} could be it: ${list.join(", ")}. ` +
          "Say in limpet.yaml: entry: NAME"
      : "no workload to send requests to: it must have a Service and not be scaled. " +
          `Not scaled: ${quoted(list)}. Say in limpet.yaml: entry: NAME`,
  );
  return null;
}

const preferClusterIp = (services: readonly Service[]): Service | undefined =>
  services.find(({ headless }) => !headless) ?? services[0];

/** Services that a VirtualService is for, or sends to. */
function routedServices(objects: Objects): ReadonlySet<Service> {
  const found = new Set<Service>();
  for (const manifest of objects.manifests) {
    if (!isKind(manifest, "networking.istio.io", "VirtualService")) continue;
    const hosts = listAt(manifest.body, "spec", "hosts").map(String);
    const destinations = listAt(manifest.body, "spec", "http").flatMap((route) =>
      listAt(route, "route").map((item) => textAt(at(item, "destination"), "host") ?? ""),
    );
    for (const service of objects.services) {
      const names = namesOf(service, manifest.namespace);
      if ([...hosts, ...destinations].some((host) => names.includes(host))) found.add(service);
    }
  }
  return found;
}

function toTier(
  name: string,
  { workload, scaledObject }: Scaled,
  services: readonly Service[],
  called: ReadonlyMap<Service, Mention>,
  objects: Objects,
): Tier {
  const routed = routedServices(objects);
  const headless = services.filter((service) => service.headless);
  const routingService =
    services.find((service) => called.get(service) === "url") ??
    services.find((service) => routed.has(service)) ??
    services.find((service) => called.has(service) && !service.headless) ??
    preferClusterIp(services);
  if (routingService === undefined) throw new Error("a tier has a Service");
  const headlessService =
    headless.find((service) => service.name === workload.serviceName && service !== routingService) ??
    headless.find((service) => service !== routingService) ??
    headless[0] ??
    null;
  return {
    name,
    workload,
    services,
    routingService,
    headlessService,
    scaledObject,
    threshold: thresholdOf(scaledObject),
  };
}
