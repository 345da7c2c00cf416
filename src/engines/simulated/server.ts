/** What a simulated container's program has in common, whichever it plays. */
import type { Probe } from "../../topology/types.ts";
import type { PodServer } from "./pools.ts";

export type ProbeKind = "startup" | "readiness" | "liveness";

export interface SimulatedProgram extends PodServer {
  probe(probe: Probe, kind: ProbeKind): boolean;
  /** The metrics page; rejects with the reason in words. */
  scrape(path: string): string;
  /** SIGTERM: ends by itself, and says so, when what is in progress is over. */
  drain(): void;
  /** The process is gone, now: whatever was in progress breaks off. */
  die(): void;
}

/** Which of its pages a program would show a probe; a stand-in has pages of its own, whatever the image would have had. */
export function probePage(probe: Probe, kind: ProbeKind, standIn: boolean): "ready" | "health" | "none" {
  const path = standIn ? (kind === "readiness" ? "/ready" : "/health") : probe.path;
  return path === "/ready" ? "ready" : path === "/health" ? "health" : "none";
}
