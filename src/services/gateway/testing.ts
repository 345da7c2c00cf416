/** What the tests of the gateway share: a gateway on a free port, stub backends, a DNS server in the same process. */
import { createSocket } from "node:dgram";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decode, encode, type Answer, type Packet } from "dns-packet";
import type { Clock } from "../../clock/clock.ts";
import { startWallClock } from "../../clock/wall-clock.ts";
import { silent } from "../shared/log.ts";
import { gatewayConfigFromEnv } from "./config.ts";
import { createGateway } from "./gateway.ts";

export type Called = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: () => Record<string, unknown>;
};

/** Everything that a test started, to be ended after it. */
export class Started {
  readonly #ends: (() => Promise<void>)[] = [];

  add(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  async gateway(env: Record<string, string>, clock: Clock = startWallClock(20)) {
    const config = gatewayConfigFromEnv({ LISTEN_ADDRESS: "127.0.0.1", PORT: "0", LIMPET_SEED: "7", ...env });
    const gateway = createGateway({ config, clock, log: silent });
    this.add(() => gateway.close());
    const { port } = await gateway.listen();
    const url = `http://127.0.0.1:${port}`;
    const call = async (path: string, init: RequestInit = {}): Promise<Called> => {
      const res = await fetch(url + path, init);
      const text = await res.text();
      return {
        status: res.status,
        headers: res.headers,
        text,
        json: () => JSON.parse(text) as Record<string, unknown>,
      };
    };
    /** The samples of one metric: its labels and value as the text format writes them. */
    const samples = async (metric: string): Promise<string[]> => {
      const { text } = await call("/metrics");
      const lines = text
        .split("\n")
        .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
      return lines.map((line) => line.slice(metric.length).trim());
    };
    return { gateway, call, samples, url, clock };
  }

  /** An HTTP server on a loopback address. */
  async backend(
    handle: (req: IncomingMessage, res: ServerResponse, body: string) => void,
    port = 0,
    address = "127.0.0.1",
  ): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
    const server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => handle(req, res, Buffer.concat(chunks).toString()));
    });
    await new Promise<void>((resolve) => server.listen({ port, host: address, backlog: 4096 }, resolve));
    const bound = (server.address() as AddressInfo).port;
    const close = async (): Promise<void> => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    };
    this.add(close);
    return { url: `http://${address}:${bound}`, port: bound, close };
  }

  /** Answers A and SRV questions from `records`, which a test may change; any other name does not exist. */
  async dns(records: {
    a: Record<string, string[]>;
    srv: Record<string, { target: string; port: number }[]>;
  }) {
    const socket = createSocket("udp4");
    const asked: string[] = [];
    socket.on("message", (message, from) => {
      const query = decode(message);
      const question = query.questions![0]!;
      asked.push(`${question.type} ${question.name}`);
      const answers: Answer[] = [];
      const common = { name: question.name, ttl: 30 };
      if (question.type === "A") {
        for (const data of records.a[question.name] ?? []) answers.push({ ...common, type: "A", data });
      } else if (question.type === "SRV") {
        for (const data of records.srv[question.name] ?? []) answers.push({ ...common, type: "SRV", data });
      }
      const NXDOMAIN = 3;
      const reply: Packet = {
        type: "response",
        id: query.id ?? 0,
        flags: answers.length === 0 ? NXDOMAIN : 0,
        questions: [question],
        answers,
      };
      socket.send(encode(reply), from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    this.add(() => new Promise((resolve) => socket.close(() => resolve())));
    return { server: `127.0.0.1:${socket.address().port}`, asked };
  }
}

export const tenant = (id: string, headers: Record<string, string> = {}): RequestInit => ({
  headers: { "X-Tenant-ID": id, ...headers },
});

export function answerJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify(body));
}

/** What Envoy says where a cluster has no usable host. */
export function answerNoHealthyUpstream(res: ServerResponse): void {
  res.writeHead(503, { "content-type": "text/plain" });
  res.end("no healthy upstream");
}
