import { hpaSpecFromScaledObject, hpaSync, newHpaState } from "../src/scaling/hpa.ts";
import { kedaCheck, newKedaState } from "../src/scaling/keda.ts";
import type { HpaBehavior, HpaInput, KedaInput, ScaledObjectSpec } from "../src/scaling/types.ts";
import type { Case } from "./harness.ts";

const EPOCH_UNIX_SECONDS = 1_800_000_000;
const SYNCS = 1000;
const SYNC_US = 15_010_000;

const spec = (behavior?: HpaBehavior): ScaledObjectSpec => ({
  minReplicaCount: 0,
  maxReplicaCount: 50,
  cooldownPeriod: 60,
  pollingInterval: 10,
  triggers: [
    { type: "prometheus", metadata: { serverAddress: "http://p:9090", query: "q", threshold: "2" } },
  ],
  ...(behavior === undefined ? {} : { advanced: { horizontalPodAutoscalerConfig: { behavior } } }),
});

/** A metric that goes up and down, so that every pass has something to decide. */
const metric = (pass: number): number => (pass * 7) % 60;

/** An HPA over a thousand passes, its own history growing to what the window holds. */
function syncs(behavior?: HpaBehavior): () => number {
  const hpa = hpaSpecFromScaledObject({ name: "api", spec: spec(behavior) });
  return () => {
    let state = newHpaState();
    let replicas = 1;
    for (let pass = 0; pass < SYNCS; pass++) {
      const input: HpaInput = {
        nowUs: pass * SYNC_US,
        spec: hpa,
        state,
        specReplicas: replicas,
        statusReplicas: replicas,
        readings: [{ milli: [metric(pass) * 1000] }],
      };
      ({ state, replicas } = hpaSync(input));
    }
    return replicas;
  };
}

/** The least that stabilises: a division, and the largest of the window's twenty. */
function bareSyncs(): number {
  const times = new Float64Array(20).fill(-Infinity);
  const values = new Float64Array(20);
  let replicas = 1;
  for (let pass = 0; pass < SYNCS; pass++) {
    const nowUs = pass * SYNC_US;
    let wanted = Math.ceil(metric(pass) / 2);
    times[pass % 20] = nowUs;
    values[pass % 20] = wanted;
    for (let index = 0; index < 20; index++)
      if (times[index]! >= nowUs - 300e6 && values[index]! > wanted) wanted = values[index]!;
    replicas = Math.min(Math.max(wanted, 1), Math.max(2 * replicas, 4), 50);
  }
  return replicas;
}

function polls(): number {
  const object = spec();
  let state = newKedaState({ creationUnixSeconds: EPOCH_UNIX_SECONDS });
  let replicas = 0;
  for (let pass = 0; pass < SYNCS; pass++) {
    const input: KedaInput = {
      nowUs: pass * 10e6 + 20_000,
      epochUnixSeconds: EPOCH_UNIX_SECONDS,
      name: "api",
      spec: object,
      state,
      currentReplicas: replicas,
      readings: [pass % 20 < 10 ? 3 : 0],
      hpaScalingActive: null,
    };
    ({ state, replicas } = kedaCheck(input));
  }
  return replicas;
}

function barePolls(): number {
  let lastActive = -Infinity;
  let replicas = 0;
  for (let pass = 0; pass < SYNCS; pass++) {
    const now = pass * 10 + 0.02;
    if ((pass % 20 < 10 ? 3 : 0) > 0) {
      lastActive = Math.floor(now);
      if (replicas === 0) replicas = 1;
    } else if (lastActive + 60 < now) replicas = 0;
  }
  return replicas;
}

export function scalingCases(): Case[] {
  const sync = {
    unit: "sync",
    operations: SYNCS,
    bare: bareSyncs,
    against: "a division and the largest of 20 records",
  };
  const stabilised: HpaBehavior = { scaleDown: { stabilizationWindowSeconds: 300 } };
  return [
    { ...sync, name: "HPA sync, no behavior", work: syncs() },
    { ...sync, name: "HPA sync, with behavior", work: syncs(stabilised) },
    {
      name: "KEDA check",
      unit: "check",
      operations: SYNCS,
      work: polls,
      bare: barePolls,
      against: "two comparisons",
    },
  ];
}
