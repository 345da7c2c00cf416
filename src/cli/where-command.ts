/** `limpet where`: the pod that each tenant goes to, and who moves when pods come or go. */
import { InputError } from "../errors.ts";
import { readHostSet, type HostSet } from "../routing/host-set.ts";
import type { Host as RoutedHost } from "../routing/types.ts";
import { finderOver, hashText, ownersOf, stepBetween, tenantHash, type Step } from "../routing/where.ts";
import type { Tier, Topology } from "../topology/types.ts";
import { tierPods, tierRule, type TierPod, type TierRule } from "../topology/where-tier.ts";
import { EXIT, type Host } from "./host.ts";
import { jsonFault, lineOf, offsetOf, pathText } from "./json-position.ts";
import { openTopology } from "./open-topology.ts";
import type { WhereOptions } from "./options.ts";
import { wantsJson } from "./question-reporter.ts";
import { readInput } from "./read-input.ts";
import { columns } from "./columns.ts";
import { tierNamed } from "./tier-named.ts";

const SCHEMA_VERSION = 1;
const MAX_PODS = 5000;

export async function whereCommand(
  host: Host,
  tenants: readonly string[],
  options: WhereOptions,
): Promise<number> {
  if (options.hosts !== undefined) return hostsQuestion(host, tenants, options, options.hosts);
  if (tenants.length === 0)
    throw new InputError(["limpet where: name at least one tenant, or --hosts FILE|-"]);
  const range = rangeOf(options.pods);
  const topology = await openTopology(host, options);
  const tier = tierNamed(topology, options.tier);
  const answer = whereInTier(topology, tier, tenants, range ?? wholeTier(tier), options.seed);
  host.stdout.write(
    wantsJson(host, options.reporter) ? `${JSON.stringify(jsonOf(answer))}\n` : terminalOf(answer),
  );
  return EXIT.pass;
}

// ---- a host set of one's own -----------------------------------------------------------------------------------

async function hostsQuestion(
  host: Host,
  tenants: readonly string[],
  options: WhereOptions,
  file: string,
): Promise<number> {
  const others = [
    ...(tenants.length > 0 ? ["TENANT (they stand in the file)"] : []),
    ...(["topology", "tier", "pods"] as const)
      .filter((key) => options[key] !== undefined)
      .map((key) => `--${key}`),
  ];
  if (others.length > 0)
    throw new InputError([`--hosts asks about the host set in ${file}: leave out ${others.join(", ")}`]);
  const { name, text } = await readInput(host, "--hosts", file);
  const set = parseHostSet(name, text);
  const owners = ownersOf(set.policy, set.hosts, set.tenants);
  if (wantsJson(host, options.reporter)) {
    host.stdout.write(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, owners })}\n`);
    return EXIT.pass;
  }
  const rows = set.tenants.map((tenant, index) => {
    const owner = owners[index] ?? null;
    return owner === null ? [tenant, "–", "no hosts"] : [tenant, String(owner), set.hosts[owner]!.address];
  });
  host.stdout.write(`${columns([["tenant", "host", "address"], ...rows])}\n`);
  return EXIT.pass;
}

function parseHostSet(name: string, text: string): HostSet {
  const at = (offset: number): string => `${name}:${lineOf(text, offset)}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fault = jsonFault(text);
    if (fault === null) throw error;
    const found = text.slice(fault.offset, fault.offset + 20).split("\n")[0]!;
    throw new InputError([
      `${at(fault.offset)}: not JSON: ${fault.wanted} is wanted, found ${found === "" ? "the end" : JSON.stringify(found)}`,
    ]);
  }
  const set = readHostSet(value);
  if (!("problems" in set)) return set;
  throw new InputError(
    set.problems.map(({ path, message }) => {
      const where = path.length === 0 ? "" : ` ${pathText(path)}:`;
      return `${at(offsetOf(text, path))}:${where} ${message}`;
    }),
  );
}

// ---- a tier of a topology --------------------------------------------------------------------------------------

type Range = { readonly from: number; readonly to: number; readonly given: boolean };

function rangeOf(text: string | undefined): Range | null {
  if (text === undefined) return null;
  const match = /^(\d{1,6})(?:\.\.(\d{1,6}))?$/.exec(text);
  if (match === null)
    throw new InputError([`--pods ${text}: a number of pods (3) or a range (2..5) is wanted`]);
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  if (Math.max(from, to) > MAX_PODS) throw new InputError([`--pods ${text}: at most ${MAX_PODS} pods`]);
  return { from, to, given: true };
}

/** All the pods that the tier can have. */
function wholeTier({ scaledObject, workload }: Tier): Range {
  const most = Math.min(MAX_PODS, scaledObject?.maxReplicaCount ?? workload.replicas ?? 1);
  return { from: most, to: most, given: false };
}

type Answer = TierRule & {
  readonly topology: Topology;
  readonly tier: Tier;
  readonly seed: number;
  readonly range: Range;
  readonly pods: readonly TierPod[];
  readonly tenants: readonly {
    readonly tenant: string;
    readonly pod: string | null;
    readonly address: string | null;
    readonly hash: string | null;
    readonly place: string | null;
  }[];
  readonly steps: readonly Step[];
};

function whereInTier(
  topology: Topology,
  tier: Tier,
  tenants: readonly string[],
  range: Range,
  seed: number,
): Answer {
  const rule = tierRule(topology, tier);
  const pods = tierPods(topology, tier, Math.max(range.from, range.to), seed);
  const podOf = new Map(pods.map(({ pod, address }) => [address, pod]));
  // As a proxy has them: in the order of the pods' names.
  const hosts = (count: number): RoutedHost[] =>
    pods
      .slice(0, count)
      .sort((a, b) => (a.pod < b.pod ? -1 : 1))
      .map(({ address }) => ({ address, weight: 1 }));
  const base = { ...rule, topology, tier, seed, range, pods };
  const { policy } = rule;
  if (policy === null) {
    const nowhere = { pod: null, address: null, hash: null, place: null };
    return { ...base, tenants: tenants.map((tenant) => ({ tenant, ...nowhere })), steps: [] };
  }
  const first = hosts(range.from);
  const finder = finderOver(policy, first);
  const counts = stepCounts(range);
  return {
    ...base,
    tenants: tenants.map((tenant) => {
      const hash = tenantHash(tenant);
      const address = first[finder.owner(hash)]?.address ?? null;
      return {
        tenant,
        pod: address === null ? null : podOf.get(address)!,
        address,
        hash: hashText(tenant),
        place: address === null ? null : finder.place(hash),
      };
    }),
    steps: counts.slice(1).map((count, index) => {
      const step = stepBetween(policy, hosts(counts[index]!), hosts(count), tenants);
      const named = (address: string): string => podOf.get(address)!;
      return {
        ...step,
        moves: step.moves.map(({ tenant, from, to }) => ({ tenant, from: named(from), to: named(to) })),
      };
    }),
  };
}

function stepCounts({ from, to }: Range): number[] {
  const direction = to < from ? -1 : 1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => from + direction * index);
}

const jsonOf = ({
  topology,
  tier,
  seed,
  range,
  route,
  cluster,
  policy,
  rule,
  pods,
  tenants,
  steps,
}: Answer) => ({
  schemaVersion: SCHEMA_VERSION,
  topology: topology.path,
  tier: tier.name,
  seed,
  rule,
  decided: policy !== null,
  cluster: cluster === null ? null : { name: cluster.name, type: cluster.type, lbPolicy: cluster.lbPolicy },
  because: route?.because ?? [],
  podCount: range.from,
  pods,
  tenants,
  steps,
});

function terminalOf(answer: Answer): string {
  const { tier, seed, range, route, rule, policy, tenants, steps } = answer;
  const hint = range.given ? "" : " (as many as there can be; --pods N for another number)";
  const head = [
    `tier ${tier.name} · ${plural(range.from, "pod")}${hint} · seed ${seed}`,
    `rule: ${rule}`,
    ...(route?.because ?? []).map((reason) => `  ${reason}`),
    "",
  ];
  if (policy === null) return `${[...head, "No tenant has a pod of its own."].join("\n")}\n`;
  const rows = tenants.map(({ tenant, pod, address, place }) => [
    tenant,
    pod ?? "– (no pods)",
    address ?? "",
    place ?? "",
  ]);
  const lines = [...head, columns([["tenant", "pod", "address", "by"], ...rows])];
  for (const { from, to, moves, leastPossible, betweenStaying } of steps) {
    const needless = betweenStaying === 0 ? "" : `, ${betweenStaying} between pods that stay`;
    lines.push(
      "",
      `${from} → ${plural(to, "pod")}: ${moves.length} of ${plural(tenants.length, "tenant")} moved, least possible ${leastPossible}${needless}`,
      ...moves.map((move) => `  ${move.tenant}   ${move.from} → ${move.to}`),
    );
  }
  return `${lines.join("\n")}\n`;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
