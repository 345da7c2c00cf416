import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import type { Arrival } from "../engine.ts";
import { BenchClient } from "./bench-client.ts";

const shape = { path: "/", tenantHeader: "x-tenant-id", tierHeader: "x-tenant-tier", podField: "pod" };

/** The lateness that a request told of, whose answer says what `reason` says. */
async function latenessOf(reason: string, speed: number): Promise<readonly (readonly [string, number])[]> {
  const server = createServer((_, res) => {
    res.writeHead(504, { "content-type": "application/json" });
    res.end(JSON.stringify({ error: { reason } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const bind = { bindAddress: "127.0.0.1", bindPort: (server.address() as AddressInfo).port };
  const told: [string, number][] = [];
  const client = new BenchClient({
    clock: startWallClock(speed),
    shape,
    gateway: () => bind,
    timeoutSeconds: 100,
    answerDeadlineSeconds: 10,
    onLate: (loop, lateUs) => void (loop === "answers" && told.push([loop, lateUs])),
  });
  const arrival: Arrival = { atUs: 0, tenant: "a", tier: "small", load: "l", gateway: 0, method: "GET" };
  await client.offer([arrival], () => {});
  await client.close();
  server.close();
  return told;
}

test.each<[string, string, number, readonly (readonly [string, number])[]]>([
  [
    "at speed 20 a real second is 10 s more than the deadline: the machine may be to blame",
    "deadline_exceeded",
    20,
    [["answers", 10e6]],
  ],
  ["at speed 10 it is the deadline itself: nobody answered", "deadline_exceeded", 10, [["answers", 0]]],
  ["another refusal says nothing of the machine", "hold_expired", 20, []],
])("%s", async (_, reason, speed, expected) => {
  expect(await latenessOf(reason, speed)).toEqual(expected);
});
