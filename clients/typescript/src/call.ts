import type { ClientError } from "./errors.ts";
import type { Accepted, ProgressFrame } from "./generated/protocol.ts";
import { Queue } from "./queue.ts";

/** Steps that wait to be read; beyond, the oldest are dropped and counted in `missed`. */
export const STEPS_MAX = 10_000;

/** What can be cancelled, by the best name that is known of it. */
export interface Cancelable {
  readonly operationId: string | undefined;
  readonly key: string | undefined;
}

/**
 * One call: a promise of its one final answer, and an async iterable of its progress.
 *
 * ```ts
 * const call = client.call("Flatten", { account: "Sim101" });
 * for await (const step of call) console.log(step.event, step.instrument);
 * const answer = await call;
 * ```
 *
 * Every step is told once, in order, whatever happens to the connection; a call has one reader.
 * To stop waiting cancels nothing: the operation goes on at the server.
 */
export class Call<Answer> implements Promise<Answer>, AsyncIterable<ProgressFrame> {
  readonly [Symbol.toStringTag] = "Call";
  /** Resolves when the server has made the call durable, or has ended it. */
  readonly accepted: Promise<void>;
  /** Of the operation, once it is known. */
  operationId: string | undefined;
  /** Whether the server knew the key already. */
  duplicate = false;
  isCanceling = false;
  isOver = false;
  #seq: number;
  readonly #answer: Promise<Answer>;
  readonly #steps = new Queue<ProgressFrame>(STEPS_MAX);
  #resolve!: (answer: Answer) => void;
  #reject!: (error: ClientError) => void;
  #admit!: (admitted: undefined) => void;

  constructor(
    readonly requestId: string,
    /** The durable promise of a closing call: give it to `attach` from anywhere. */
    readonly key: string | undefined,
    private readonly onCancel: (call: Cancelable) => void,
    start: { operationId?: string | undefined; after?: number; isAttached?: boolean } = {},
  ) {
    this.operationId = start.operationId;
    this.isAttached = start.isAttached ?? false;
    this.#seq = start.after ?? 0;
    this.#answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#answer.catch(() => undefined); // nobody is obliged to wait for it
    this.accepted = new Promise((resolve) => {
      this.#admit = resolve;
    });
  }

  /** Whether it was begun before, here or elsewhere. */
  isAttached: boolean;

  /** `seq` of the last step that came. */
  get seq(): number {
    return this.#seq;
  }

  /** Steps that were dropped because nobody read them. `attach` replays them all. */
  get missed(): number {
    return this.#steps.missed;
  }

  /** Stop what was not yet sent; nothing is unsent. The answer still comes and says what was done. */
  cancel(): void {
    if (this.isOver) return;
    this.isCanceling = true; // said again on every new connection
    this.onCancel(this);
  }

  then<Fulfilled = Answer, Rejected = never>(
    onFulfilled?: ((answer: Answer) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#answer.then(onFulfilled, onRejected);
  }

  catch<Rejected = never>(
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Answer | Rejected> {
    return this.#answer.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<Answer> {
    return this.#answer.finally(onFinally);
  }

  [Symbol.asyncIterator](): AsyncIterator<ProgressFrame, undefined> {
    return { next: () => this.#steps.next() };
  }

  // --- told by the conversation ---

  onAccepted(frame: Accepted): void {
    this.operationId = frame.operationId;
    this.duplicate = frame.duplicate;
    this.#admit(undefined);
  }

  /** Take a step; one that was seen already is passed over. */
  onProgress(step: ProgressFrame): void {
    if (step.seq <= this.#seq || this.isOver) return;
    this.#seq = step.seq;
    this.#steps.push(step);
  }

  onAnswer(answer: Answer): void {
    if (this.isOver) return;
    this.#resolve(answer);
    this.#end();
  }

  onError(error: ClientError): void {
    if (this.isOver) return;
    this.#reject(error);
    this.#end();
  }

  #end(): void {
    this.isOver = true;
    this.#admit(undefined);
    this.#steps.end(); // the answer tells of an error: steps just stop
  }
}
