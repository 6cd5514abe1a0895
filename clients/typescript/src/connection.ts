import {
  CannotConnect,
  type ClientError,
  ConnectionLost,
  ConnectionRefused,
  Forbidden,
  Unauthenticated,
} from "./errors.ts";
import {
  type Authenticated,
  CLOSE_CODES,
  type ClientFrame,
  type ServerFrame,
} from "./generated/protocol.ts";
import { OPEN, type WebSocketConstructor, type WebSocketLike } from "./socket.ts";

/** The final answer of a call: the one frame without a `type`. */
export interface FinalFrame {
  readonly type?: never;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type Incoming = ServerFrame | FinalFrame;

/** What a connection tells its owner. */
export interface ConnectionEvents {
  onLive(authenticated: Authenticated): void;
  onFrame(frame: Incoming): void;
  onUnreadable(line: unknown): void;
  /** Once, whatever the reason: `isRefused` says that coming back is useless. */
  onGone(error: ClientError, closeCode: number): void;
}

export interface ConnectionTimes {
  readonly openTimeoutMs: number;
  readonly keepaliveMs: number;
}

/** One socket, from its opening through the auth frame and pings to its end. */
export class Connection {
  readonly #socket: WebSocketLike;
  #heardAt = Date.now();
  #isLive = false;
  #isGone = false;
  #timer: ReturnType<typeof setTimeout>;
  #pingedAt: number | undefined;

  constructor(
    webSocket: WebSocketConstructor,
    url: string,
    token: string,
    private readonly times: ConnectionTimes,
    private readonly events: ConnectionEvents,
  ) {
    this.#socket = new webSocket(url);
    this.#timer = setTimeout(() => {
      this.#lose("no answer to the handshake");
    }, times.openTimeoutMs);
    this.#socket.addEventListener("open", () => {
      this.#write({ action: "auth", token });
    });
    this.#socket.addEventListener("message", ({ data }) => {
      this.#receive(data);
    });
    this.#socket.addEventListener("error", () => undefined); // a close follows, and says more
    this.#socket.addEventListener("close", ({ code, reason }) => {
      this.#end(ending(code, reason, this.#isLive), code);
    });
  }

  /** When the last frame came, in milliseconds of this machine's clock. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Send a frame, if it can be sent now, and tell whether. */
  send(frame: ClientFrame): boolean {
    return this.#isLive && this.#write(frame);
  }

  get isOpen(): boolean {
    return this.#isLive && !this.#isGone && this.#socket.readyState === OPEN;
  }

  /** Leave, with a goodbye. */
  close(): void {
    this.#end(new ConnectionLost("the client was closed"), 1000);
    this.#socket.close(1000);
  }

  #write(frame: ClientFrame): boolean {
    if (this.#isGone || this.#socket.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #receive(line: unknown): void {
    if (this.#isGone) return;
    const frame = decode(line);
    if (frame === undefined) {
      this.events.onUnreadable(line);
      return;
    }
    this.#heardAt = Date.now();
    if (frame.type === "authenticated" && !this.#isLive) {
      this.#isLive = true;
      this.#ping();
      this.events.onLive(frame);
    } else if (this.#isLive) {
      this.events.onFrame(frame);
    }
  }

  /** Ask whether anyone is there; who says nothing until the next time is not. */
  #ping(): void {
    clearTimeout(this.#timer);
    this.#pingedAt = Date.now();
    this.#write({ action: "ping" });
    this.#timer = setTimeout(() => {
      if (this.#pingedAt !== undefined && this.#heardAt < this.#pingedAt) {
        this.#lose("the server fell silent");
      } else {
        this.#ping();
      }
    }, this.times.keepaliveMs);
  }

  /** Milliseconds between the last ping and now: how old its pong may be. */
  get pingAgeMs(): number {
    return this.#pingedAt === undefined ? 0 : Date.now() - this.#pingedAt;
  }

  #lose(why: string): void {
    const error = this.#isLive ? new ConnectionLost(why) : new CannotConnect(why);
    this.#end(error, 0); // before the close: a dead network may never confirm it
    this.#socket.close();
  }

  #end(error: ClientError, closeCode: number): void {
    if (this.#isGone) return;
    this.#isGone = true;
    clearTimeout(this.#timer);
    this.events.onGone(error, closeCode);
  }
}

type CloseRow = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];

/** What a close code means to whoever waits. */
export function ending(code: number, reason: string, wasLive: boolean): ClientError {
  const row = (CLOSE_CODES as Readonly<Record<string, CloseRow>>)[String(code)];
  switch (row?.name) {
    case "UNAUTHENTICATED":
    case "AUTH_TIMEOUT":
    case "REVOKED":
      return new Unauthenticated(code, reason);
    case "FORBIDDEN":
      return new Forbidden(code, reason);
    default:
      if (row?.mayRetry === false) return new ConnectionRefused(code, reason);
      return wasLive
        ? new ConnectionLost("the connection was lost")
        : new CannotConnect("the server was not reached");
  }
}

function decode(line: unknown): Incoming | undefined {
  if (typeof line !== "string") return undefined;
  let frame: unknown;
  try {
    frame = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return isFrame(frame) ? frame : undefined;
}

function isFrame(frame: unknown): frame is Incoming {
  if (typeof frame !== "object" || frame === null) return false;
  if ("type" in frame) return typeof frame.type === "string";
  return "id" in frame && typeof frame.id === "string" && "data" in frame && isObject(frame.data);
}

function isObject(data: unknown): boolean {
  return typeof data === "object" && data !== null;
}
