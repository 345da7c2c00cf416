/** One TCP connection to a pod, with an undici client on top that is used for one request at a time. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import Client from "undici/lib/dispatcher/client.js";
import type { Clock } from "../../clock/clock.ts";
import { guardTimer } from "./guard.ts";
import type { SidecarEndpoint } from "./protocol.ts";

/** Why a connection never came about, in Envoy's words. */
export type ConnectFailure = "remote connection failure" | "connection timeout";

export type ConnectionEvents = {
  readonly onConnected: (connection: Connection) => void;
  /** Once, at the end; `failure` is set where it never connected. */
  readonly onClosed: (connection: Connection, failure: ConnectFailure | null) => void;
};

/** Pods that say nothing about keep-alive are trusted to keep an idle connection this long. */
const IDLE_MS = 60_000;

export class Connection {
  readonly #socket: Socket;
  readonly client: Client;

  constructor(endpoint: SidecarEndpoint, connectTimeoutMs: number, clock: Clock, events: ConnectionEvents) {
    const socket = connect({ host: endpoint.bindAddress, port: endpoint.bindPort, noDelay: true });
    this.#socket = socket;
    let failure: ConnectFailure | null = "remote connection failure";
    const timer = guardTimer(clock, connectTimeoutMs, () => {
      failure = "connection timeout";
      socket.destroy();
    });
    socket.once("connect", () => {
      timer.cancel();
      failure = null;
      events.onConnected(this);
    });
    // Every error is followed by `close`, which is where it is dealt with.
    socket.on("error", () => {});
    socket.once("close", () => {
      timer.cancel();
      void this.client.destroy();
      events.onClosed(this, failure);
    });
    let handedOver = false;
    this.client = new Client(`http://${endpoint.bindAddress}:${endpoint.bindPort}`, {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: 60 * 1024,
      connect: (_, callback) => {
        if (handedOver || socket.destroyed) return callback(new Error("connection termination"), null);
        handedOver = true;
        // The client looks for work again only if the socket comes after it stopped looking.
        queueMicrotask(() => callback(null, socket));
      },
    });
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  close(): void {
    this.#socket.destroy();
  }
}
