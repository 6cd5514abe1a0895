/** The client: one connection kept alive, and whatever was asked carried across its deaths. */
import { BACKOFF, type Backoff, delayMs } from "./backoff.ts";
import { Call, type Cancelable } from "./call.ts";
import { Connection, type Incoming } from "./connection.ts";
import { Conversation, type Repeat } from "./conversation.ts";
import { type ClientError, ConnectionLost, ConnectionRefused, RpcError } from "./errors.ts";
import {
  type AnswerOf,
  APIS,
  type ApiName,
  type ArgsOf,
  type Authenticated,
  type Cancel,
  type ClosedAnswer,
  type ClosingApiName,
  type ErrorFrame,
  type PlanAnswer,
  type ServerFrame,
} from "./generated/protocol.ts";
import { platformWebSocket, type WebSocketConstructor } from "./socket.ts";
import { type Channel, PnlStream, Subscription } from "./subscription.ts";

const FLOODING = 4429;
const STEADY_MS = 5_000; // a connection must last so long to count as a good one

/** How the connection is: what is shown while it is not `live` is old. */
export type ConnectionState =
  | { readonly is: "connecting" }
  | { readonly is: "live"; readonly since: number }
  /** Nothing was heard since then: grey out what is shown. It is tried again. */
  | { readonly is: "stale"; readonly since: number }
  /** Nothing is tried any more. */
  | { readonly is: "ended"; readonly because: ClientError };

export interface ClientOptions {
  /** Where the server listens, such as `ws://127.0.0.1:8787/ws/stream`. */
  readonly url: string;
  /** Told in the first frame, never in the address. */
  readonly token: string;
  /** Needed where the platform has none (Node 20). */
  readonly webSocket?: WebSocketConstructor;
  /** Between pings, and how long to wait for each answer. */
  readonly keepaliveMs?: number;
  /** How long to wait for a handshake and the answer to the token. */
  readonly openTimeoutMs?: number;
  /** After so long without a connection everyone who waits is told `ConnectionLost`. */
  readonly giveUpAfterMs?: number;
  readonly backoff?: Partial<Backoff>;
  /** Told every frame that answers nothing: a restart announced, a stray error. */
  readonly onNotice?: (frame: ServerFrame) => void;
}

export interface CallOptions {
  /** Of a closing call: your own idempotency key, to ask again from elsewhere. */
  readonly key?: string;
  /** `false`: only the answer. */
  readonly progress?: boolean;
  /**
   * Of what changes something: how long it is good for. A connection that comes back later does not
   * carry it out: the promise rejects with `TooLate`, unless it arrived before, and then it answers.
   */
  readonly goodForMs?: number;
}

export interface QuoteOptions {
  /** Between two frames of quotes; 1000 by default, at least 100. */
  readonly intervalMs?: number;
}

/** An operation that was begun before, by its id or its key. */
export type OperationName =
  | { readonly operationId: string; readonly key?: never }
  | { readonly key: string; readonly operationId?: never };

type Optional<Args> = object extends Args ? [args?: Args] : [args: Args];

/**
 * A connection to an rpcserver.
 *
 * A lost connection is made again, with full jitter. Running operations are attached to from the
 * last step seen, reads are asked again, orders are never sent twice.
 */
export class RpcClient {
  /** Who the server says this is; undefined before the first connection. */
  authenticated: Authenticated | undefined;
  /** Milliseconds to add to this machine's clock to have the server's. */
  clockOffsetMs = 0;
  readonly #conversation = new Conversation();
  readonly #subscriptions = new Set<Subscription>();
  readonly #streams = new Set<PnlStream>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #backoff: Backoff;
  readonly #webSocket: WebSocketConstructor;
  #state: ConnectionState = { is: "connecting" };
  #connection: Connection | undefined;
  #first: PromiseWithResolversOf<Authenticated> | undefined;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ClientOptions) {
    this.#backoff = { ...BACKOFF, ...options.backoff };
    this.#webSocket = options.webSocket ?? platformWebSocket();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Be told the state now and whenever it changes; call what is returned to hear no more. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }

  /** The server's time, in milliseconds. */
  serverNow(): number {
    return Date.now() + this.clockOffsetMs;
  }

  /**
   * Connect, and keep connected. Resolves with the first connection, however long it takes.
   *
   * @throws ConnectionRefused (Unauthenticated, Forbidden): the server will not have this client.
   * @throws ConnectionLost: the client was closed, or gave up.
   */
  connect(): Promise<Authenticated> {
    if (this.#first === undefined) {
      this.#first = withResolvers();
      this.#first.promise.catch(() => undefined); // the state says so as well
      this.#startGivingUp();
      this.#open();
    }
    return this.#first.promise;
  }

  /** Leave. What the server has accepted goes on. */
  close(): void {
    this.#end(new ConnectionLost("the client was closed"));
  }

  // --- asking ---

  /** A dry run: what would be done, and nothing is. */
  call<Api extends ClosingApiName>(
    api: Api,
    args: ArgsOf<Api> & { readonly dryRun: true },
    options?: CallOptions,
  ): Call<PlanAnswer>;
  /**
   * Call an api. A closing call bears an idempotency key: yours, or a fresh one.
   *
   * The promise rejects with `RpcError` (the server refused), `OutcomeUnknown` (an order's answer
   * was lost), `ConnectionLost` or `ConnectionRefused`.
   */
  call<Api extends ApiName>(
    api: Api,
    ...rest: [...Optional<ArgsOf<Api>>, options?: CallOptions]
  ): Call<AnswerOf<Api>>;
  call(api: ApiName, ...rest: readonly unknown[]): unknown {
    const [args = {}, options = {}] = rest as [args?: object, options?: CallOptions];
    const repeat: Repeat = APIS[api];
    const id = fresh();
    const key = repeat === "closing" ? (options.key ?? `key-${fresh()}`) : undefined;
    const call = new Call<unknown>(id, key, this.#sendCancel);
    const opening = {
      action: "rpc" as const,
      id,
      api,
      args: args as Readonly<Record<string, unknown>>,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(options.progress === false ? { progress: false } : {}),
    };
    return this.#ask(call, () => {
      const { goodForMs = Number.POSITIVE_INFINITY } = repeat === "read" ? {} : options;
      this.#conversation.ask(call, opening, repeat, Date.now() + goodForMs);
    });
  }

  /**
   * Follow an operation that was begun before, here or elsewhere: every step with a `seq` greater
   * than `after`, then its answer. Rejects with `RpcError` if there is no such operation.
   */
  attach(name: OperationName, after = 0): Call<ClosedAnswer> {
    const id = fresh();
    const start = { operationId: name.operationId, after, isAttached: true };
    const call = new Call<ClosedAnswer>(id, name.key, this.#sendCancel, start);
    const opening = { action: "attach" as const, id, after, ...named(name) };
    return this.#ask(call, () => {
      this.#conversation.ask(call, opening, "closing");
    });
  }

  /**
   * Stop what an operation begun elsewhere has not sent yet; never unsends. Its answer, to whoever
   * follows it, says what was done. False: there is no connection now, and nothing was said.
   */
  cancel(name: OperationName): boolean {
    return this.#connection?.send({ action: "cancel", ...named(name) }) ?? false;
  }

  /**
   * Hear of channels, and of the quotes of instruments, across connections. Quotes come each
   * `intervalMs`, at least 100; the smallest that any subscription asks for holds for all. One that
   * the server refuses ends with its `RpcError`; one that comes too fast is asked for again.
   */
  subscribe(
    channels: readonly Channel[],
    instruments: readonly string[] = [],
    { intervalMs = 1000 }: QuoteOptions = {},
  ): Subscription {
    const subscription = new Subscription(
      fresh(),
      channels,
      instruments,
      intervalMs,
      (closed) => {
        this.#unsubscribe(closed);
      },
      (behind) => {
        this.#askFor(behind);
      },
    );
    if (this.#state.is === "ended") {
      subscription.end(this.#state.because);
      return subscription;
    }
    this.#subscriptions.add(subscription);
    this.#askFor(subscription);
    return subscription;
  }

  /** Profit of every account the token may see, each `intervalMs` (the smallest asked for wins). */
  streamPnl(intervalMs = 1000): PnlStream {
    const stream = new PnlStream(intervalMs, (closed) => {
      if (this.#streams.delete(closed)) this.#sayPnl();
    });
    if (this.#state.is === "ended") {
      stream.end(this.#state.because);
      return stream;
    }
    this.#streams.add(stream);
    this.#sayPnl();
    return stream;
  }

  #ask<Answer>(call: Call<Answer>, ask: () => void): Call<Answer> {
    if (this.#state.is === "ended") {
      call.onError(this.#state.because);
    } else {
      ask();
      this.#flush();
    }
    return call;
  }

  readonly #sendCancel = (call: Cancelable): void => {
    if (call.operationId !== undefined) this.cancel({ operationId: call.operationId });
    else if (call.key !== undefined) this.cancel({ key: call.key });
  };

  #unsubscribe(closed: Subscription): void {
    const before = this.#paceMs;
    if (!this.#subscriptions.delete(closed)) return;
    const others = [...this.#subscriptions];
    const channels = closed.channels.filter(
      (name) => !others.some((other) => other.channels.includes(name)),
    );
    const instruments = closed.instruments.filter(
      (name) => !others.some((other) => other.instruments.includes(name)),
    );
    if (channels.length + instruments.length > 0) {
      this.#connection?.send({ action: "unsubscribe", channels, instruments });
    }
    const interval = this.#paceMs;
    if (interval !== undefined && interval !== before) {
      // By an id of its own: what answers it is no subscription's snapshot.
      this.#connection?.send({ action: "subscribe", id: fresh(), interval });
    }
  }

  /** Ask for a subscription, and the snapshot of its channels; also where it is asked for again. */
  #askFor(subscription: Subscription): void {
    const { id, channels, instruments } = subscription;
    const interval = instruments.length === 0 ? undefined : this.#paceMs;
    subscription.onAsked();
    this.#connection?.send({
      action: "subscribe",
      id,
      channels,
      instruments,
      ...(interval === undefined ? {} : { interval }),
    });
  }

  /** A subscription that is refused ends, unless it is only to be asked for later. */
  #onRefused(frame: ErrorFrame): void {
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.id !== frame.requestId) continue;
      if (frame.retryAfterMs === undefined) {
        this.#subscriptions.delete(subscription);
        subscription.end(new RpcError(frame.error, frame.detail, { ...frame }));
      } else {
        setTimeout(() => {
          if (this.#subscriptions.has(subscription)) this.#askFor(subscription);
        }, frame.retryAfterMs);
      }
    }
  }

  /** The interval that serves everyone who wants quotes. */
  get #paceMs(): number | undefined {
    const wanting = [...this.#subscriptions].filter((each) => each.instruments.length > 0);
    return wanting.length === 0 ? undefined : Math.min(...wanting.map((each) => each.intervalMs));
  }

  #sayPnl(): void {
    const intervals = [...this.#streams].map((stream) => stream.intervalMs);
    this.#connection?.send(
      intervals.length === 0
        ? { action: "streamPnl", enabled: false }
        : { action: "streamPnl", enabled: true, interval: Math.min(...intervals) },
    );
  }

  /** Send what waits to be sent, if there is a connection to send it on. */
  #flush(): void {
    const connection = this.#connection;
    if (connection?.isOpen !== true) return;
    for (const frame of this.#conversation.takeUnsent()) connection.send(frame);
  }

  // --- the connection ---

  #open(): void {
    const openedAt = Date.now();
    const { url, token, openTimeoutMs = 10_000, keepaliveMs = 10_000 } = this.options;
    const times = { openTimeoutMs, keepaliveMs };
    const connection = new Connection(this.#webSocket, url, token, times, {
      onLive: (authenticated) => {
        this.#onLive(authenticated);
      },
      onFrame: (frame) => {
        this.#receive(frame);
      },
      onUnreadable: (line) => {
        const detail = `unreadable: ${String(line).slice(0, 200)}`;
        this.options.onNotice?.({ type: "error", error: "malformed_frame", detail });
      },
      onGone: (error, closeCode) => {
        this.#onGone(error, closeCode, connection.heardAt, Date.now() - openedAt);
      },
    });
    this.#connection = connection;
  }

  #onLive(authenticated: Authenticated): void {
    this.authenticated = authenticated;
    clearTimeout(this.#giveUpTimer);
    this.#become({ is: "live", since: Date.now() });
    this.#first?.resolve(authenticated);
    this.#flush();
    for (const subscription of this.#subscriptions) this.#askFor(subscription);
    if (this.#streams.size > 0) this.#sayPnl();
  }

  #onGone(error: ClientError, closeCode: number, heardAt: number, lastedMs: number): void {
    this.#connection = undefined;
    if (this.#state.is === "ended") return;
    this.#conversation.lost();
    if (error instanceof ConnectionRefused) {
      this.#end(error);
      return;
    }
    if (this.#state.is === "live") {
      this.#failures = lastedMs >= STEADY_MS ? 0 : this.#failures + 1;
      this.#become({ is: "stale", since: heardAt });
      this.#startGivingUp();
    } else {
      this.#failures += 1;
    }
    const pause = closeCode === FLOODING ? this.#backoff.afterFloodingMs : 0;
    this.#retryTimer = setTimeout(
      () => {
        this.#open();
      },
      pause + delayMs(this.#backoff, this.#failures),
    );
  }

  #startGivingUp(): void {
    const { giveUpAfterMs } = this.options;
    if (giveUpAfterMs === undefined) return;
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = setTimeout(() => {
      this.#end(new ConnectionLost(`gave up after ${String(giveUpAfterMs)} ms`));
    }, giveUpAfterMs);
  }

  #end(error: ClientError): void {
    if (this.#state.is === "ended") return;
    this.#become({ is: "ended", because: error });
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#giveUpTimer);
    this.#connection?.close();
    this.#conversation.end(error);
    for (const stream of [...this.#subscriptions, ...this.#streams]) stream.end(error);
    this.#first?.reject(error);
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  #receive(frame: Incoming): void {
    switch (frame.type) {
      case undefined:
        this.#conversation.onFinal(frame.id, frame.data);
        break;
      case "accepted":
        this.#conversation.onAccepted(frame);
        break;
      case "progress":
        this.#conversation.onProgress(frame);
        break;
      case "pong":
        // Half of the way there and back is how old the server's word is.
        this.clockOffsetMs = frame.epoch + (this.#connection?.pingAgeMs ?? 0) / 2 - Date.now();
        break;
      case "event":
      case "marketData":
      case "subscribed":
        for (const subscription of this.#subscriptions) subscription.take(frame);
        break;
      case "pnlUpdate":
        for (const stream of this.#streams) stream.take(frame);
        break;
      case "error":
        if (this.#conversation.onError(frame)) break;
        this.#onRefused(frame);
        this.options.onNotice?.(frame);
        break;
      default:
        this.options.onNotice?.(frame);
    }
  }
}

interface PromiseWithResolversOf<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: ClientError) => void;
}

function withResolvers<Value>(): PromiseWithResolversOf<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: ClientError) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

function named(name: OperationName): Omit<Cancel, "action"> {
  if (name.operationId !== undefined) return { operationId: name.operationId };
  return { idempotencyKey: name.key };
}

/** 32 hexadecimal digits that nobody else has; `randomUUID` is missing on plain `http:` pages. */
function fresh(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
