import type { RunEvent } from "../events/types.ts";

/** One line for what a person at a terminal wants to see happen; null for the rest. */
export function upLine(event: RunEvent, epochUnixSeconds: number): string | null {
  const text = describe(event);
  return text === null ? null : `${clockTime(event.atUs, epochUnixSeconds)}  ${text}`;
}

function clockTime(atUs: number, epochUnixSeconds: number): string {
  return new Date((epochUnixSeconds + Math.floor(atUs / 1e6)) * 1000).toISOString().slice(11, 19);
}

function describe(event: RunEvent): string | null {
  switch (event.type) {
    case "decision": {
      const failed = event.reason === "ScaledObjectCheckFailed" || event.reason === "AdmissionDenied";
      if (failed)
        return `${event.tier}  ScaledObject ${event.object} is not Ready: ${event.reason}: ${event.message}`;
      if (!event.wrote) return null;
      const values = event.metrics.map(({ value }) => value).join(", ");
      const who = event.by === "keda" ? "KEDA" : "HPA";
      return `${event.tier}  ${event.from} → ${event.to}   ${who}: ${event.reason}${values === "" ? "" : `, metric ${values}`}`;
    }
    case "pod": {
      if (event.what === "listening" && event.startMsReal !== undefined)
        return `${event.tier ?? "entry"}  ${event.pod} listens, ${event.startMsReal} ms after its start`;
      return `${event.tier ?? "entry"}  ${event.pod} ${event.what}${event.reason === undefined ? "" : ` (${event.reason})`}`;
    }
    case "request":
      if (event.affinity === "first") return `${event.tier}  tenant ${event.tenant} → ${event.pod}`;
      return event.outcome === "answer"
        ? null
        : `${event.tier}  tenant ${event.tenant}: ${event.outcome}, ${event.cause}`;
    case "log":
      return event.message;
    case "fault":
      return `fault ${event.fault} on ${event.target}: ${event.detail}`;
    default:
      return null;
  }
}
