/** What passes through unchanged, what is put right on the way, and what happens when one side goes away. */
import { afterEach, expect, test } from "vitest";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { stream } from "../../seed/seed.ts";
import { bench, pod, route, until } from "./test-kit.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
const keep = <T extends { close: () => void }>(thing: T): T => {
  cleanups.push(() => thing.close());
  return thing;
};
const start = async (...given: Parameters<typeof bench>) => keep(await bench(...given));

test("a pod sees the original Host, a request id, the attempt count, and no hop-by-hop headers", async () => {
  const echo = keep(await pod(0, (request, response) => void response.end(JSON.stringify(request.headers))));
  const run = await start(route());
  await run.endpoints([echo.endpoint]);
  const { body } = await run.call({
    headers: {
      host: "127.0.0.1:1",
      "x-tenant-id": "café",
      te: "trailers",
      connection: "keep-alive, x-private",
      "x-private": "1",
    },
  });
  const seen = JSON.parse(body) as Record<string, string>;
  expect(seen).toMatchObject({
    host: "api.shop.svc.cluster.local:8000",
    "x-tenant-id": "café",
    "x-envoy-attempt-count": "1",
    "x-forwarded-proto": "http",
  });
  expect(seen["x-request-id"]).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(Object.keys(seen)).not.toContain("x-private");
  expect(Object.keys(seen)).not.toContain("te");
  await run.call({ headers: { "x-request-id": "mine" } });
  await until(() => run.log.length === 2);
  expect(run.log.map((entry) => entry.requestId)).toEqual([seen["x-request-id"], "mine"]);
});

test("an answer carries server: envoy and the pod's time; the pod's own headers stay, several of one name too", async () => {
  const origin = keep(
    await pod(0, (_, response) => {
      response.writeHead(201, { server: "own", "set-cookie": ["a=1", "b=2"], "x-own": "y" });
      response.end("done");
    }),
  );
  const run = await start(route());
  await run.endpoints([origin.endpoint]);
  const { status, headers, body } = await run.call();
  expect([status, body, headers.server, headers["x-own"]]).toEqual([201, "done", "envoy", "y"]);
  expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(Number(headers["x-envoy-upstream-service-time"])).toBeGreaterThanOrEqual(0);
});

test.each([
  ["with a length", 5_000_000, true],
  ["in chunks", 5_000_000, false],
  ["small", 11, true],
])("a POST body %s arrives whole", async (_, bytes, withLength) => {
  const hashing = keep(
    await pod(0, (request, response) => {
      const hash = createHash("sha256");
      request.on("data", (chunk: Buffer) => hash.update(chunk));
      request.on("end", () => response.end(hash.digest("hex")));
    }),
  );
  const run = await start(route());
  await run.endpoints([hashing.endpoint]);
  const body = Buffer.alloc(bytes, "0123456789abcdef");
  const headers = withLength ? { "content-length": String(bytes) } : { "transfer-encoding": "chunked" };
  const answer = await run.call({ method: "POST", body, headers });
  expect(answer.body).toBe(createHash("sha256").update(body).digest("hex"));
});

test("a POST that meets a refused connection is sent again with its body", async () => {
  const gone = await pod(1);
  gone.close();
  const echo = keep(await pod(0, (request, response) => void request.pipe(response)));
  const run = await start(
    route(
      { hashPolicies: [], retryPolicy: { ...route().retryPolicy!, previousHosts: true, numRetries: 8 } },
      { lbPolicy: "ROUND_ROBIN" },
    ),
  );
  await run.endpoints([gone.endpoint, echo.endpoint]);
  for (let i = 0; i < 4; i++) expect((await run.call({ method: "POST", body: "hello" })).body).toBe("hello");
  await until(() => run.log.length === 4);
  expect(run.log.some(({ attempts }) => attempts === 2)).toBe(true);
});

test("a status that the route retries is asked again, body included; the last answer stands", async () => {
  const bodies: string[] = [];
  const failing = keep(
    await pod(0, (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        bodies.push(body);
        response.writeHead(bodies.length < 3 ? 500 : 200).end("answer");
      });
    }),
  );
  const retryPolicy = { ...route().retryPolicy!, retryOn: ["5xx"] };
  const run = await start(route({ retryPolicy }));
  await run.endpoints([failing.endpoint]);
  expect(await run.call({ method: "POST", body: "hello" })).toMatchObject({ status: 200, body: "answer" });
  expect(bodies).toEqual(["hello", "hello", "hello"]);
  bodies.length = 0;
  const always = await start(route({ retryPolicy: { ...retryPolicy, numRetries: 1 } }));
  await always.endpoints([failing.endpoint]);
  expect((await always.call()).status).toBe(500);
  await until(() => always.log.length === 1);
  expect(always.log[0]).toMatchObject({ flags: "URX", attempts: 2, status: 500 });
});

test("a chunked answer is passed on as it comes, not gathered first", async () => {
  const gate: { open: () => void } = { open: () => {} };
  const dripping = keep(
    await pod(0, (_, response) => {
      response.write("first ");
      gate.open = () => response.end("second");
    }),
  );
  const run = await start(route());
  await run.endpoints([dripping.endpoint]);
  const parts: string[] = [];
  await new Promise<void>((resolve, reject) => {
    request({ host: "127.0.0.1", port: run.port, agent: false }, (response) => {
      response.on("data", (chunk: Buffer) => {
        parts.push(chunk.toString());
        // Only once the first part is here does the pod say the second.
        if (parts.length === 1) gate.open();
      });
      response.on("end", resolve);
      expect(response.headers["transfer-encoding"]).toBe("chunked");
    })
      .on("error", reject)
      .end();
  });
  expect(parts).toEqual(["first ", "second"]);
});

test("a client that goes away takes its request to the pod with it: flag DC", async () => {
  let cut = false;
  const silent = keep(await pod(0, (incoming) => void incoming.on("close", () => (cut = true))));
  const run = await start(route());
  await run.endpoints([silent.endpoint]);
  const sent = request({ host: "127.0.0.1", port: run.port, agent: false, headers: { "x-tenant-id": "a" } });
  sent.on("error", () => {});
  sent.end();
  let arrived = false;
  silent.server.once("request", () => (arrived = true));
  await until(() => arrived);
  sent.destroy();
  await until(() => cut && run.log.length === 1);
  expect(run.log[0]).toMatchObject({ flags: "DC", status: 0, pod: "api-0" });
});

test("a pod that breaks off in mid-answer breaks the client's connection too: flag UC", async () => {
  const breaking = keep(
    await pod(0, (_, response) => {
      response.write("some");
      setImmediate(() => response.destroy());
    }),
  );
  const run = await start(route());
  await run.endpoints([breaking.endpoint]);
  await expect(run.call()).rejects.toThrow();
  await until(() => run.log.length === 1);
  expect(run.log[0]).toMatchObject({ flags: "UC", status: 200 });
});

test("the route's header edits come before the hash: a constant tenant sends all to one pod", async () => {
  const three = await Promise.all([pod(0), pod(1), pod(2)]);
  for (const one of three) keep(one);
  const run = await start(
    route({ requestHeaders: { set: { "x-tenant-id": "fixed" }, add: {}, remove: [] } }),
  );
  await run.endpoints(three.map(({ endpoint }) => endpoint));
  for (let i = 0; i < 20; i++) await run.tenant(`tenant-${i}`);
  await until(() => run.log.length === 20);
  expect(new Set(run.log.map((entry) => entry.pod)).size).toBe(1);
});

test("HEAD and 204 carry no body and keep the connection", async () => {
  const origin = keep(
    await pod(0, (request, response) => {
      if (request.method === "HEAD") response.setHeader("content-length", "12");
      else response.statusCode = 204;
      response.end();
    }),
  );
  const run = await start(route());
  await run.endpoints([origin.endpoint]);
  expect((await run.call({ method: "HEAD" })).headers["content-length"]).toBe("12");
  expect(await run.call()).toMatchObject({ status: 204, body: "" });
});

test("draining lets a request finish and takes no new connection", async () => {
  let answer = (): void => {};
  const slow = keep(await pod(0, (_, response) => void (answer = () => response.end("late"))));
  const run = await start(route());
  await run.endpoints([slow.endpoint]);
  const first = run.tenant("a");
  let arrived = false;
  slow.server.once("request", () => (arrived = true));
  await until(() => arrived);
  const drained = run.sidecar.drain();
  await expect(run.call({ agent: false })).rejects.toThrow(/ECONNREFUSED/);
  answer();
  expect(await first).toMatchObject({ status: 200, body: "late", headers: { connection: "close" } });
  await drained;
});

test("headers of an answer whose body is still to come are passed on at once", async () => {
  let finish = (): void => {};
  const slow = keep(
    await pod(0, (_, response) => {
      response.flushHeaders();
      finish = () => response.end("body");
    }),
  );
  const run = await start(route());
  await run.endpoints([slow.endpoint]);
  const body = await new Promise<string>((resolve, reject) => {
    request({ host: "127.0.0.1", port: run.port, agent: false }, (response) => {
      // The pod goes on only when the client has its headers.
      finish();
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
  expect(body).toBe("body");
});

test("a big answer waits for a slow reader instead of filling memory", async () => {
  const size = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(1024 * 1024, "x");
  let written = 0;
  const big = keep(
    await pod(0, (_, response) => {
      const more = (): void => {
        while (written < size) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    }),
  );
  const run = await start(route());
  await run.endpoints([big.endpoint]);
  const received = await new Promise<number>((resolve, reject) => {
    request({ host: "127.0.0.1", port: run.port, agent: false }, (response) => {
      let bytes = 0;
      // Not reading for a while: what the pod can write meanwhile is bounded by the buffers in between.
      setTimeout(() => {
        expect(written).toBeLessThan(size / 2);
        response.on("data", (part: Buffer) => (bytes += part.length));
        response.on("end", () => resolve(bytes));
      }, 150);
    })
      .on("error", reject)
      .end();
  });
  expect(received).toBe(size);
});

test("after a storm of aborted, refused and broken requests every limit is free again", async () => {
  const random = stream(11, "storm");
  const moody = await Promise.all(
    [0, 1, 2].map((index) =>
      pod(index, (incoming, response) => {
        const mood = random.below(5);
        if (mood === 0) incoming.socket.destroy();
        else if (mood === 1) setTimeout(() => response.end("late"), random.below(20));
        else if (mood === 2) {
          response.write("half");
          setTimeout(() => response.destroy(), random.below(5));
        } else response.end("fine");
      }),
    ),
  );
  const calm = keep(await pod(9));
  const limits = { maxConnections: 3, maxPendingRequests: 3, maxRequests: 3, maxRetries: 1 };
  const run = await start(route({ timeoutMs: 2000 }, { circuitBreakers: limits }));
  for (const one of moody) keep(one);
  const gone = await pod(5);
  gone.close();
  const all = [...moody.map(({ endpoint }) => endpoint), gone.endpoint];
  const flags = new Set<string>();
  for (let round = 0; round < 40; round++) {
    await run.endpoints(all.filter(() => random.below(4) > 0));
    const calls = Array.from({ length: 10 }, () => {
      const sent = request({
        host: "127.0.0.1",
        port: run.port,
        agent: false,
        method: random.below(2) === 0 ? "GET" : "POST",
        headers: { "x-tenant-id": String(random.below(30)) },
      });
      if (random.below(4) === 0) setTimeout(() => sent.destroy(), random.below(10));
      return new Promise<void>((resolve) => {
        sent.on("response", (response) => response.resume().on("error", () => {}));
        sent.on("error", () => {});
        sent.on("close", resolve);
        sent.end("some body");
      });
    });
    await Promise.all(calls);
  }
  await run.endpoints([calm.endpoint]);
  const before = run.log.length;
  for (let i = 0; i < 10; i++) expect((await run.tenant(`t${i}`)).status).toBe(200);
  const three = await Promise.all(["a", "b", "c"].map((tenant) => run.tenant(tenant)));
  expect(three.map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const entry of run.log.slice(0, before)) for (const flag of entry.flags.split(",")) flags.add(flag);
  for (const flag of ["-", "DC", "UC", "UF", "UO"]) expect(flags).toContain(flag);
});
