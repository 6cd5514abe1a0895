/** A server that does exactly what a test tells it, and a client that talks to it. */
import type { AddressInfo } from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { Queue } from "../src/queue.ts";

export type Frame = Readonly<Record<string, unknown>>;

/** The server's end of one connection. */
export class Peer {
  readonly #frames = new Queue<Frame>(1000);

  constructor(private readonly socket: WebSocket) {
    socket.on("message", (data: RawData) => {
      const frame = JSON.parse((data as Buffer).toString()) as Frame;
      if (frame["action"] === "ping" && !this.isMute) {
        this.sends({ type: "pong", time: "2025-11-20T15:00:00Z", epoch: this.epoch });
      } else if (frame["action"] !== "ping") {
        this.#frames.push(frame);
      }
    });
  }

  /** Pings are not answered. */
  isMute = false;
  /** What the clock of the server says. */
  epoch = 0;

  /** The next frame of the client that is no ping. */
  async receives(action: string): Promise<Frame> {
    const { value } = await this.#frames.next();
    if (value?.["action"] !== action) {
      throw new Error(`expected ${action}, got ${JSON.stringify(value)}`);
    }
    return value;
  }

  async letsIn(): Promise<Frame> {
    const frame = await this.receives("auth");
    this.sends({ type: "authenticated", principal: "desk", roles: ["risk"], accounts: ["*"] });
    return frame;
  }

  sends(...frames: readonly Frame[]): void {
    for (const frame of frames) this.socket.send(JSON.stringify(frame));
  }

  sendsText(line: string): void {
    this.socket.send(line);
  }

  accepts(call: Frame, operationId = "op-1"): void {
    this.sends({ type: "accepted", requestId: call["id"], operationId, duplicate: false });
  }

  progresses(...seqs: readonly number[]): void {
    for (const seq of seqs) {
      this.sends({
        type: "progress",
        requestId: "r",
        operationId: "op-1",
        seq,
        event: "filled",
        done: 0,
        total: 1,
        at: "2025-11-20T15:00:00Z",
      });
    }
  }

  answers(call: Frame, data: Frame = { success: true }): void {
    this.sends({ id: call["id"], data });
  }

  closes(code: number): void {
    this.socket.close(code);
  }

  /** The cable is cut: no goodbye. */
  hangsUp(): void {
    this.socket.terminate();
  }
}

/** Hands out its connections one by one. */
export class ScriptedServer {
  readonly #peers = new Queue<Peer>(100);
  accepted = 0;

  private constructor(private readonly server: WebSocketServer) {
    server.on("connection", (socket) => {
      this.accepted += 1;
      this.#peers.push(new Peer(socket));
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await new Promise((resolve) => server.once("listening", resolve));
    return new ScriptedServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${String((this.server.address() as AddressInfo).port)}/`;
  }

  async peer(): Promise<Peer> {
    const { value } = await this.#peers.next();
    if (value === undefined) throw new Error("the server has stopped");
    return value;
  }

  stop(): void {
    for (const socket of this.server.clients) socket.terminate();
    this.server.close();
  }
}
