/** Names and addresses of pods: one function for everybody who draws them, so that one seed means the same pods. */
import { stream } from "../seed/seed.ts";

/** The alphabet that Kubernetes takes for generated names: no vowels, nothing that looks like another. */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

export const statefulSetPodName = (workload: string, ordinal: number): string => `${workload}-${ordinal}`;

/** The name of the `index`-th pod that a Deployment's ReplicaSet makes. */
export function generatedPodName(seed: number, workload: string, index: number): string {
  const draw = (what: string, length: number): string => {
    const random = stream(seed, `pod-name/${workload}/${what}`);
    return Array.from({ length }, () => NAME_ALPHABET[random.below(NAME_ALPHABET.length)]).join("");
  };
  return `${workload}-${draw("template", 9)}-${draw(String(index), 5)}`;
}

/**
 * The `podIP` of a pod object in 10.244.0.0/16, one that nobody in `taken` has; it is put there. `incarnation` counts the
 * pods of that name, from 1: a pod that is made again gets another address.
 */
export function drawPodAddress(seed: number, pod: string, incarnation: number, taken: Set<string>): string {
  const random = stream(seed, `pod-ip/${pod}/${incarnation}`);
  for (;;) {
    const address = `10.244.${random.below(256)}.${1 + random.below(254)}`;
    if (taken.has(address)) continue;
    taken.add(address);
    return address;
  }
}
