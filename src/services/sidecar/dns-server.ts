/** DNS over UDP on loopback; see {@link dnsAnswer} for what it says. */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import dnsPacket from "dns-packet";
import type { Answer, Packet } from "dns-packet";
import type { Random } from "../../seed/seed.ts";
import { dnsAnswer } from "./dns-answers.ts";
import type { DnsRecord, HeadlessName } from "./dns-answers.ts";

/** Nothing may keep an answer: pods come and go, and each look-up is a new draw. */
const TTL_SECONDS = 0;
/** Without EDNS a resolver may take no more than this. */
const PLAIN_UDP_BYTES = 512;
const RCODES = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;

const toAnswer = (record: DnsRecord): Answer =>
  record.type === "A"
    ? { type: "A", name: record.name, ttl: TTL_SECONDS, data: record.data }
    : {
        type: "SRV",
        name: record.name,
        ttl: TTL_SECONDS,
        data: { priority: 0, weight: 0, port: record.port, target: record.target },
      };

/** The answer's bytes; null for what is not a question. */
export function dnsReply(message: Buffer, names: readonly HeadlessName[], random: Random): Buffer | null {
  let query: Packet;
  try {
    query = dnsPacket.decode(message);
  } catch {
    return null;
  }
  const question = query.questions?.[0];
  if (query.type !== "query" || question === undefined) return null;
  const { rcode, answers, additionals } = dnsAnswer(question, names, random);
  const edns = query.additionals?.find((extra) => extra.type === "OPT");
  const encode = (extra: readonly DnsRecord[]): Buffer =>
    dnsPacket.encode({
      type: "response",
      id: query.id ?? 0,
      flags:
        dnsPacket.AUTHORITATIVE_ANSWER | ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) | RCODES[rcode],
      questions: [question],
      answers: answers.map(toAnswer),
      additionals: extra.map(toAnswer),
    });
  const whole = encode(additionals);
  const limit = Math.max(PLAIN_UDP_BYTES, edns?.type === "OPT" ? edns.udpPayloadSize : 0);
  // Addresses of SRV targets are a courtesy; the records themselves are always sent, loopback has no small frames.
  return whole.length <= limit ? whole : encode([]);
}

export type DnsServer = {
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly close: () => void;
};

export function startDnsServer(
  at: { readonly bindAddress: string; readonly bindPort: number },
  names: () => readonly HeadlessName[],
  random: Random,
): Promise<DnsServer> {
  const socket: Socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const reply = dnsReply(message, names(), random);
    if (reply !== null) socket.send(reply, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(at.bindPort, at.bindAddress, () => {
      socket.off("error", reject);
      // A client that is gone by the time of its answer is no reason to end.
      socket.on("error", () => {});
      const { address, port } = socket.address();
      resolve({ bindAddress: address, bindPort: port, close: () => socket.close() });
    });
  });
}
