/**
 * What was asked and is not yet answered, and what becomes of it when a connection dies.
 *
 * No socket in here. A request is marked as sent before its bytes leave. When the connection is
 * lost, a read is asked again; a closing call is sent again under its key if it had not been
 * accepted, and attached to if it had; an order that was sent ends with `OutcomeUnknown`. What is
 * no longer good is not sent: where it may have arrived, the server is asked by its key.
 */
import type { Call } from "./call.ts";
import { type ClientError, OutcomeUnknown, RpcError, TooLate } from "./errors.ts";
import type { Accepted, ClientFrame, ErrorFrame, ProgressFrame } from "./generated/protocol.ts";

export type Repeat = "read" | "closing" | "order";
export type Data = Readonly<Record<string, unknown>>;

interface Asked {
  readonly call: Call<unknown>;
  readonly opening: ClientFrame;
  readonly repeat: Repeat;
  /** When it is too late to carry it out, in milliseconds since the epoch. */
  readonly goodUntil: number;
  isSent: boolean;
  /** Whether any connection took it: it may have arrived. */
  wasSent: boolean;
}

/** Every request that waits for its answer, by its id. */
export class Conversation {
  readonly #asked = new Map<string, Asked>();
  readonly #named = new Set<string>(); // operations that were told under their own name

  get size(): number {
    return this.#asked.size;
  }

  ask<Answer>(
    call: Call<Answer>,
    opening: ClientFrame,
    repeat: Repeat,
    goodUntil = Number.POSITIVE_INFINITY,
  ): void {
    const known = call as unknown as Call<unknown>;
    const asked = { call: known, opening, repeat, goodUntil, isSent: false, wasSent: false };
    this.#asked.set(call.requestId, asked);
  }

  /** Hand out what is to be sent now, marked as sent before it leaves. */
  *takeUnsent(): Generator<ClientFrame> {
    for (const asked of [...this.#asked.values()]) {
      if (asked.isSent) continue;
      if (Date.now() > asked.goodUntil && !asked.wasSent) {
        this.#take(asked.call.requestId);
        asked.call.onError(new TooLate("it was not sent in time, and is not sent any more"));
        continue;
      }
      asked.isSent = true;
      asked.wasSent = true;
      yield* frames(asked);
    }
  }

  onFinal(id: string, data: Data): void {
    const asked = this.#take(id);
    if (asked === undefined) return; // told already: an answer is delivered once
    const { call } = asked;
    if (typeof data["operationId"] === "string") call.operationId ??= data["operationId"];
    const refused = refusal(data);
    if (refused?.code === "unknown_operation" && Date.now() > asked.goodUntil) {
      call.onError(new TooLate("it did not arrive in time, and is not sent again"));
    } else if (refused === undefined) call.onAnswer(data);
    else call.onError(refused);
    this.#forgetName(call);
  }

  onAccepted(frame: Accepted): void {
    const asked = this.#asked.get(frame.requestId);
    if (asked === undefined) return;
    this.#named.add(frame.operationId);
    asked.call.onAccepted(frame);
  }

  onProgress(frame: ProgressFrame): void {
    for (const call of this.#followers(frame.operationId)) call.onProgress(frame);
  }

  /** Whether the error answers a request, which ends with it. */
  onError(frame: ErrorFrame): boolean {
    if (frame.requestId === undefined) return false;
    const asked = this.#take(frame.requestId);
    asked?.call.onError(new RpcError(frame.error, frame.detail, { ...frame }));
    return asked !== undefined;
  }

  /** The connection is gone: decide for each request what the next one begins with. */
  lost(): void {
    for (const asked of [...this.#asked.values()]) {
      if (asked.isSent && asked.repeat === "order") {
        this.#take(asked.call.requestId);
        asked.call.onError(new OutcomeUnknown("the connection was lost before the answer came"));
      } else {
        asked.isSent = false;
      }
    }
  }

  /** There will be no other connection: everyone who waits is told. */
  end(error: ClientError): void {
    this.lost();
    for (const asked of [...this.#asked.values()]) {
      this.#take(asked.call.requestId);
      asked.call.onError(error);
    }
  }

  #take(id: string): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  /**
   * Who follows this operation.
   *
   * An attach by key learns its operation's id from the first step under a name that nobody has
   * told: unless several wait for theirs, it can only be its own.
   */
  #followers(operationId: string): readonly Call<unknown>[] {
    const calls = [...this.#asked.values()].map((asked) => asked.call);
    const found = calls.filter((call) => call.operationId === operationId);
    if (found.length > 0 || this.#named.has(operationId)) return found;
    const nameless = calls.filter((call) => call.isAttached && call.operationId === undefined);
    const [only] = nameless;
    if (only === undefined || nameless.length > 1) return [];
    only.operationId = operationId;
    return nameless;
  }

  /** A name is kept only while somebody could mistake its late steps for their own. */
  #forgetName(ended: Call<unknown>): void {
    if (this.#asked.size === 0) this.#named.clear();
    else if (ended.operationId !== undefined) this.#named.add(ended.operationId);
  }
}

/** What to send on the connection there is now. */
function* frames({ call, opening, goodUntil }: Asked): Generator<ClientFrame> {
  const { operationId } = call;
  if (operationId === undefined) {
    if (Date.now() > goodUntil && call.key !== undefined) {
      call.isAttached = true;
      yield { action: "attach", id: call.requestId, idempotencyKey: call.key, after: call.seq };
    } else {
      yield opening;
    }
    if (call.isCanceling && call.key !== undefined) {
      yield { action: "cancel", idempotencyKey: call.key };
    }
    return;
  }
  yield { action: "attach", id: call.requestId, operationId, after: call.seq };
  if (call.isCanceling) yield { action: "cancel", operationId };
}

/**
 * Read a final answer as a refusal in any of the dialects.
 *
 * The answer of an operation is never a refusal: it says what became of every position.
 */
export function refusal(data: Data): RpcError | undefined {
  if ("legs" in data) return undefined;
  const isRefused =
    data["success"] === false ||
    data["status"] === "error" ||
    ("code" in data && !("status" in data) && data["code"] !== "0");
  const code = firstText(data, ["errorCode", "error", "error_code", "code"]);
  if (!isRefused || code === "") return undefined;
  return new RpcError(code, firstText(data, ["detail", "message", "msg"]), data);
}

function firstText(data: Data, names: readonly string[]): string {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return "";
}
