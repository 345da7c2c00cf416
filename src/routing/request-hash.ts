/** The hash of a request. Source: envoyproxy/envoy source/common/http/hash_policy.cc. */
import { rotl1, toBigInt, xor } from "./hash64.ts";
import type { Hash64 } from "./hash64.ts";
import type { HashPolicy } from "./types.ts";
import { ZERO, xxh64, xxh64Latin1 } from "./xxh64.ts";

/** One byte a character, as Node reads and writes headers. */
export const latin1Bytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/**
 * The hash of a header's values, one for each header line: sorted bytewise, then chained, each hash seeding the
 * next. Null without a line; an empty value is hashed like any other.
 */
export function headerHash(values: readonly Uint8Array[]): Hash64 | null {
  if (values.length === 0) return null;
  if (values.length === 1) return xxh64(values[0]!);
  return [...values].sort(compareBytes).reduce<Hash64>((seed, value) => xxh64(value, seed), ZERO);
}

/** What the hash policies look at, after every edit of the route. */
export type HashedRequest = {
  /** Values of a header (name in lower case), one for each line as sent, Latin-1. */
  readonly header: (name: string) => readonly string[];
  /** Path with its query. */
  readonly path: string;
  /** Client's address without its port. */
  readonly sourceIp: string;
  /** Downstream connection's two ends as `address:port`: what a generated cookie is made from. */
  readonly remoteAddress: string;
  readonly localAddress: string;
};

export type GeneratedCookie = {
  readonly name: string;
  readonly value: string;
  readonly path: string | null;
  readonly ttlSeconds: number;
};

export type RequestHash = {
  readonly hash: Hash64 | null;
  /** Cookies that Envoy makes up for a client without one, and sets in the response. */
  readonly cookies: readonly GeneratedCookie[];
};

const hex = (hash: Hash64): string => toBigInt(hash).toString(16);

function cookieValue(request: HashedRequest, name: string): string {
  for (const line of request.header("cookie")) {
    for (const part of line.split(";")) {
      const equals = part.indexOf("=");
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
  }
  return "";
}

/** First value of `name` in the query, not decoded; null without one. */
function queryValue(path: string, name: string): string | null {
  const query = path.indexOf("?");
  if (query < 0) return null;
  const end = path.indexOf("#", query);
  for (const part of path.slice(query + 1, end < 0 ? undefined : end).split("&")) {
    const equals = part.indexOf("=");
    if ((equals < 0 ? part : part.slice(0, equals)) === name) return equals < 0 ? "" : part.slice(equals + 1);
  }
  return null;
}

function policyHash(policy: HashPolicy, request: HashedRequest, cookies: GeneratedCookie[]): Hash64 | null {
  if (policy.kind === "header") return headerHash(request.header(policy.headerName).map(latin1Bytes));
  if (policy.kind === "source_ip") return xxh64Latin1(request.sourceIp);
  if (policy.kind === "query_parameter") {
    const value = queryValue(request.path, policy.name);
    return value === null ? null : xxh64Latin1(value);
  }
  let value = cookieValue(request, policy.name);
  if (value === "" && policy.ttlSeconds !== undefined) {
    value = hex(xxh64Latin1(request.remoteAddress + request.localAddress));
    cookies.push({ name: policy.name, value, path: policy.path ?? null, ttlSeconds: policy.ttlSeconds });
  }
  return value === "" ? null : xxh64Latin1(value);
}

/**
 * Policies in order, each hash folded in as `rotl1(h) ⊕ p`; one that finds nothing is skipped. Null where none found
 * anything: the balancer then draws a random number for each request.
 */
export function requestHash(policies: readonly HashPolicy[], request: HashedRequest): RequestHash {
  let hash: Hash64 | null = null;
  const cookies: GeneratedCookie[] = [];
  for (const policy of policies) {
    const found = policyHash(policy, request, cookies);
    if (found !== null) hash = hash === null ? found : xor(rotl1(hash), found);
  }
  return { hash, cookies };
}
