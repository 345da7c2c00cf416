/** Asks a proxy for every tenant, many at a time, and notes which pod answered. */
import { type Socket, connect } from "node:net";
import type { BindAddress } from "../../../src/engines/local/addresses.ts";

/** The proxy's own "no healthy upstream". */
export const NO_HOST = -1;
/** Anything else that is no pod's answer. */
export const OTHER = -2;

export type AskOptions = {
  readonly at: BindAddress;
  readonly tenants: readonly string[];
  readonly connections?: number;
  /** Requests sent ahead of their answers; 1 where the proxy answers by itself, which ends pipelined connections. */
  readonly depth?: number;
  /** Called as each answer comes. */
  readonly onAnswer?: (tenant: number, pod: number) => void;
};

/** For each tenant the number that its pod answered with. */
export async function ask(options: AskOptions): Promise<Int16Array> {
  const { at, tenants, connections = 24, depth = 32, onAnswer } = options;
  const answers = new Int16Array(tenants.length).fill(OTHER);
  let next = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket: Socket = connect({ port: at.bindPort, host: at.bindAddress, noDelay: true });
      const sent: number[] = [];
      let answered = 0;
      let text = "";
      const more = (): void => {
        let batch = "";
        while (sent.length - answered < depth && next < tenants.length) {
          sent.push(next);
          batch += `GET / HTTP/1.1\r\nhost: a\r\nx-tenant-id: ${tenants[next++]}\r\n\r\n`;
        }
        if (batch !== "") socket.write(batch, "latin1");
        else if (sent.length === answered) socket.end();
      };
      socket.setEncoding("latin1");
      socket.once("connect", more);
      socket.on("data", (chunk: string) => {
        text += chunk;
        for (let answer = firstAnswer(text); answer !== null; answer = firstAnswer(text)) {
          text = text.slice(answer.length);
          const tenant = sent[answered++]!;
          answers[tenant] = answer.pod;
          onAnswer?.(tenant, answer.pod);
        }
        if (sent.length - answered <= depth / 2) more();
      });
      socket.once("error", reject);
      socket.once("close", () =>
        sent.length === answered
          ? resolve()
          : reject(new Error(`${sent.length - answered} requests were not answered`)),
      );
    });
  await Promise.all(Array.from({ length: connections }, one));
  return answers;
}

function firstAnswer(text: string): { readonly length: number; readonly pod: number } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = text.slice(0, end);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (text.length < end + 4 + length) return null;
  const body = text.slice(end + 4, end + 4 + length);
  const status = head.slice(9, 12);
  const pod = status === "200" ? Number(body) : body === "no healthy upstream" ? NO_HOST : OTHER;
  return { length: end + 4 + length, pod };
}
