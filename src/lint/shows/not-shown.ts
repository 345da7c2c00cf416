/** Rules that no run shows, each with why: completes "it is not shown, because …". */
import type { Code } from "../rule.ts";

const SECURITY = "it is about who may do what, and a run asks nobody for permission";
const INPUT = "it is about the files, and no run differs by it";
const NO_EJECTION = "the simulated proxy ejects no pods, and has no zones";
const SIDECARS = "the simulated engine gives every caller one kind of sidecar, whatever injects it";
const HANG = "the simulated programs answer or are gone; none hangs";
const SCRAPES = "the built-in Prometheus finds its targets by the annotations alone";

export const NOT_SHOWN: Readonly<Record<Code, string>> = {
  "LIMPET-R103": "it depends on the first bytes of a connection, and simulated requests are all HTTP",
  "LIMPET-R112": "the doubled header is hashed to one pod all the time; only a second way without it differs",
  "LIMPET-R113": "the bench's tenants spell their name in one way",
  "LIMPET-R114": NO_EJECTION,
  "LIMPET-R115": NO_EJECTION,
  "LIMPET-R116": NO_EJECTION,
  "LIMPET-R118": "the field is dropped by Istio: with it and without it a run is the same",
  "LIMPET-R119": "a repeated try is answered once, and the bench counts answers",
  "LIMPET-R121": SIDECARS,
  "LIMPET-R122": SIDECARS,
  "LIMPET-R123": SIDECARS,
  "LIMPET-R124": "the simulated proxy is that of no release; it always builds its rings anew",
  "LIMPET-R125": "both ways hash, and how many tenants a step moves is reported, not judged",
  "LIMPET-R126": "simulated pods have no volumes",
  "LIMPET-K103": "the field is not read: with it and without it a run is the same",
  "LIMPET-K107": "manifests are applied once in a run; it is the second apply that does harm",
  "LIMPET-K113": "the setting is not used: with it and without it a run is the same",
  "LIMPET-K114": "the tug of war is in the decisions, and no check counts them",
  "LIMPET-K121": "the simulated KEDA asks the run's own Prometheus, whatever the address",
  "LIMPET-T109": HANG,
  "LIMPET-T110": HANG,
  "LIMPET-T111": HANG,
  "LIMPET-W103": "a run has no load balancer outside",
  "LIMPET-W104": "a run drains no nodes",
  "LIMPET-W105":
    "the programs of the test topology answer for a second after SIGTERM, and its gateway repeats what is refused",
  "LIMPET-W108": "a run pulls no images",
  "LIMPET-W109": "nobody in a run asks for a single pod by its name",
  "LIMPET-W113": "simulated pods have no inbound proxy, which is where the two protocols meet",
  "LIMPET-W115": "the API server refuses it, so nothing runs",
  "LIMPET-M101": SIDECARS,
  "LIMPET-M104": SCRAPES,
  "LIMPET-M109": SIDECARS,
  "LIMPET-M110": "simulated connections are not encrypted",
  "LIMPET-M111": SCRAPES,
  "LIMPET-S101": SECURITY,
  "LIMPET-S102": SECURITY,
  "LIMPET-S103": SECURITY,
  "LIMPET-S104": SECURITY,
  "LIMPET-S105": SECURITY,
  "LIMPET-S106": SECURITY,
  "LIMPET-S107": SECURITY,
  "LIMPET-S108": SECURITY,
  "LIMPET-S109": SECURITY,
  "LIMPET-L101": INPUT,
  "LIMPET-L102": INPUT,
  "LIMPET-L103": INPUT,
  "LIMPET-L104": INPUT,
  "LIMPET-L105": INPUT,
};
