import { expect, test } from "vitest";
import { accessLogEntry } from "./access-log.ts";

const endpoint = {
  address: "10.244.0.7:8000",
  pod: "api-0",
  bindAddress: "127.64.0.9",
  bindPort: 8000,
  weight: 1,
  ready: true,
};
const context = {
  speed: 20,
  atUsOf: (unixMs: number) => (unixMs - 1_700_000_000_000) * 20_000,
  endpointAt: (address: string) => (address === "127.64.0.9:8000" ? endpoint : undefined),
};
const line = {
  host: "api.shop.svc.cluster.local",
  port: 8000,
  hashed: "a",
  request_id: "bench-1",
  status: 200,
  flags: "-",
  upstream: "127.64.0.9:8000",
  attempts: 1,
  start: "1700000000.250000",
  duration_us: 1500,
  duration_ms: 1,
};
const read = (over: object) => accessLogEntry(JSON.stringify({ ...line, ...over }), context);

test("a line is told in the cluster's addresses and in topology time", () => {
  expect(read({})).toEqual({
    type: "access",
    // 251.5 real milliseconds, 20 times.
    atUs: 5_030_000,
    requestId: "bench-1",
    authority: "api.shop.svc.cluster.local:8000",
    status: 200,
    flags: "-",
    upstreamHost: "10.244.0.7:8000",
    pod: "api-0",
    attempts: 1,
    durationUs: 30_000,
    endpointsVersion: null,
    hash: null,
    hashed: "a",
  });
});

test.each([
  ["nobody chosen", { upstream: null, flags: "UH", status: 503 }, { pod: null, upstreamHost: null }],
  ["an address of nobody", { upstream: "127.0.0.1:9" }, { pod: null, upstreamHost: "127.0.0.1:9" }],
  ["a client that left before the end", { duration_us: null, duration_ms: 2 }, { durationUs: 40_000 }],
  ["port 80", { port: 80 }, { authority: "api.shop.svc.cluster.local" }],
])("%s", (_what, over, expected) => {
  expect(read(over)).toMatchObject(expected);
});

test.each(["", "[2026-11-23][info] all clusters initialized", "{broken", "{}"])(
  "%j is no access log",
  (text) => {
    expect(accessLogEntry(text, context)).toBeNull();
  },
);
