/** Answers that Envoy gives by itself. Source: envoyproxy/envoy source/common/router/router.cc, …/http/utility.cc. */
export type ResetReason =
  | "remote connection failure"
  | "connection timeout"
  | "connection termination"
  | "overflow"
  | "protocol error";

export type LocalReply = {
  readonly status: number;
  /** Envoy's response flag, `-` for none. */
  readonly flag: string;
  readonly body: string;
  readonly overloaded?: boolean;
};

/** A `#` has no place in a request's path. */
export const PATH_WITH_FRAGMENT: LocalReply = { status: 400, flag: "-", body: "" };
export const NO_ROUTE: LocalReply = { status: 404, flag: "NR", body: "" };
export const NO_CLUSTER: LocalReply = { status: 503, flag: "NC", body: "" };
export const NO_HEALTHY_UPSTREAM: LocalReply = { status: 503, flag: "UH", body: "no healthy upstream" };
export const TIMEOUT: LocalReply = { status: 504, flag: "UT", body: "upstream request timeout" };

const FLAGS: Readonly<Record<ResetReason, string>> = {
  "remote connection failure": "UF",
  "connection timeout": "UF",
  "connection termination": "UC",
  overflow: "UO",
  "protocol error": "UPE",
};

export function resetReply(reason: ResetReason, retried: boolean): LocalReply {
  const which = retried ? "retried and the latest reset reason" : "reset reason";
  return {
    status: reason === "protocol error" ? 502 : 503,
    flag: FLAGS[reason],
    body: `upstream connect error or disconnect/reset before headers. ${which}: ${reason}`,
    ...(reason === "overflow" ? { overloaded: true } : {}),
  };
}
