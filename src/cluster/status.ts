/** `limpet cluster status`: the state in a person's words. */
import { CLUSTER, CONTEXT } from "./commands.ts";
import type { Expected } from "./expected.ts";
import { ISTIO, KEDA } from "./plan-up.ts";
import { KNOWN_BAD } from "./pins.ts";
import type { State } from "./state.ts";

export function statusLines(state: State, expected: Expected): string[] {
  if (!state.clusterExists) return [`no Kind cluster ${CLUSTER}: nothing stands. limpet cluster up makes it`];
  const head = `Kind cluster ${CLUSTER}, context ${CONTEXT}`;
  if (!state.nodeRuns) return [`${head}: its node is stopped. limpet cluster up starts it`];
  if (state.kindServer === null) return [`${head}: set-up broke off in it. limpet cluster up makes it anew`];
  if (state.contextServer === null)
    return [`${head}: the kubeconfig has no such context. limpet cluster up adds it`];
  if (state.apiSilent !== null) return [`${head}: its API server does not answer: ${state.apiSilent}`];
  const { namespace } = expected;
  const inOurs = <T extends { readonly namespace: string }>(all: readonly T[]): T[] =>
    all.filter((one) => one.namespace === namespace);
  return [
    `${head}: ${state.contextServer}`,
    ...[...ISTIO, KEDA].map((addOn) => addOnLine(state, addOn.release, addOn.version)),
    `namespace   ${namespace} ${state.namespaces[namespace] ?? "is not there"}`,
    ...inOurs(state.workloads).map(
      ({ kind, name, ready, wanted }) => `${kind.padEnd(11)} ${name} ${ready}/${wanted} ready`,
    ),
    ...inOurs(state.scaledObjects).map(({ name, words }) => `scaling     ${name} ${words}`),
    ...inOurs(state.pods)
      .filter(({ trouble }) => trouble !== null)
      .map(({ name, trouble }) => `trouble     pod ${name}: ${trouble}`),
  ];
}

function addOnLine({ releases }: State, release: string, version: string): string {
  const found = releases.find(({ name }) => name === release);
  if (found === undefined) return `${release.padEnd(11)} is not there`;
  const bad = KNOWN_BAD[release.startsWith("istio") ? "istio" : release]?.includes(found.version) === true;
  const other = found.version === version ? "" : `, ${version} is wanted`;
  return `${release.padEnd(11)} ${found.version} ${found.status}${bad ? ", a release that is known to be bad" : other}`;
}
