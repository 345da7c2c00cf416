/**
 * What a headless Service's name resolves to, as a cluster's DNS answers it: its pods, in another order each time, or
 * no such name. Source: coredns/coredns plugin/kubernetes.
 */
import type { Random } from "../../seed/seed.ts";

export type NamedPod = { readonly pod: string; readonly address: string; readonly port: number };
export type HeadlessName = { readonly service: string; readonly pods: readonly NamedPod[] };

export type DnsRecord =
  | { readonly type: "A"; readonly name: string; readonly data: string }
  | { readonly type: "SRV"; readonly name: string; readonly target: string; readonly port: number };

export type DnsAnswer = {
  /** REFUSED: a name that is not ours to answer. NOERROR without answers: the name exists, this type does not. */
  readonly rcode: "NOERROR" | "NXDOMAIN" | "REFUSED";
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
};

const DOMAIN = ".svc.cluster.local";

/** The forms in which a client may write `name.namespace.svc.cluster.local`, longest first. */
export function nameForms(service: string): string[] {
  const [name, namespace] = service.split(".");
  return service.endsWith(DOMAIN)
    ? [service, `${name}.${namespace}.svc`, `${name}.${namespace}`, name!]
    : [service];
}

const SRV_PREFIX = /^_http\._tcp\./;

export function dnsAnswer(
  question: { readonly name: string; readonly type: string },
  names: readonly HeadlessName[],
  random: Random,
): DnsAnswer {
  const nothing = { answers: [], additionals: [] };
  const asked = question.name.toLowerCase().replace(/\.$/, "");
  const base = asked.replace(SRV_PREFIX, "");
  for (const { service, pods } of names) {
    for (const form of nameForms(service)) {
      if (base === form) {
        if (pods.length === 0) return { rcode: "NXDOMAIN", ...nothing };
        const shuffled = random.shuffled(pods);
        if (base !== asked) return srv(question, service, shuffled);
        const answers = shuffled.map(({ address }) => ({
          type: "A" as const,
          name: question.name,
          data: address,
        }));
        return { rcode: "NOERROR", ...nothing, ...(question.type === "A" ? { answers } : {}) };
      }
      if (base !== asked || !asked.endsWith(`.${form}`)) continue;
      const found = pods.find(({ pod }) => `${pod}.${form}`.toLowerCase() === asked);
      if (found === undefined) continue;
      const answers = [{ type: "A" as const, name: question.name, data: found.address }];
      return { rcode: "NOERROR", ...nothing, ...(question.type === "A" ? { answers } : {}) };
    }
  }
  const ours = names.some(({ service }) => nameForms(service).some((form) => asked.endsWith(`.${form}`)));
  return { rcode: ours ? "NXDOMAIN" : "REFUSED", ...nothing };
}

function srv(
  question: { readonly name: string; readonly type: string },
  service: string,
  pods: readonly NamedPod[],
): DnsAnswer {
  if (question.type !== "SRV") return { rcode: "NOERROR", answers: [], additionals: [] };
  const target = (pod: NamedPod): string => `${pod.pod}.${service}`;
  return {
    rcode: "NOERROR",
    answers: pods.map((pod) => ({ type: "SRV", name: question.name, target: target(pod), port: pod.port })),
    additionals: pods.map((pod) => ({ type: "A", name: target(pod), data: pod.address })),
  };
}
