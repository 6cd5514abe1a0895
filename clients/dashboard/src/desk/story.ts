/** The story of one operation, from its progress frames: what each leg went through, and when. */
import type { Call, ClientError, ClosedAnswer, ProgressFrame } from "rpcclient";

import { nextFrame } from "./board.ts";

/** One position on its way to its target. Quantities are texts with exactly the venue's digits. */
export interface LegStory {
  readonly leg: number;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: "long" | "short" | undefined;
  /** What is left of the position, unsigned; absent until it is told. */
  readonly remaining: string | undefined;
  readonly averagePrice: string | undefined;
  /** Absent until the leg has ended. */
  readonly outcome: string | undefined;
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  readonly steps: readonly ProgressFrame[];
}

/** How many legs had not ended at a time, in milliseconds since the epoch. */
export interface OpenLegs {
  readonly at: number;
  readonly open: number;
}

/** One look at an account, before anything was sent or after the end. */
export interface Reading {
  readonly is: "before" | "after" | "failed";
  readonly seq: number;
  readonly venue: string;
  readonly account: string;
  /** Positions that it held. */
  readonly positions: string | undefined;
  readonly detail: string | undefined;
  readonly at: string;
}

const READINGS: Partial<Record<ProgressFrame["event"], Reading["is"]>> = {
  snapshot: "before",
  verified: "after",
  account_failed: "failed",
};

/**
 * Grows with every frame; watchers are told once a drawn frame.
 *
 * `version` changes with it, so that React knows.
 */
export class Story {
  readonly legs = new Map<number, LegStory>();
  readonly frames: ProgressFrame[] = [];
  readonly openLegs: OpenLegs[] = [];
  readonly readings: Reading[] = [];
  done = 0;
  total = 0;
  /** Steps that were not heard: the server skips them where a reader is too slow. */
  missed = 0;
  /** Whether somebody asked to stop what is not yet sent. */
  isCancelling = false;
  /** The final answer, or why there is none. */
  answer: ClosedAnswer | undefined;
  error: ClientError | undefined;
  version = 0;
  readonly #watchers = new Set<() => void>();
  #seq = 0;
  #isAwaited = false;
  #isEndPassed = false;

  constructor(
    /** Undefined until the server has made the call durable. */
    public operationId: string | undefined,
    private readonly soon: (tell: () => void) => void = nextFrame,
  ) {}

  get isOver(): boolean {
    return this.answer !== undefined || this.error !== undefined;
  }

  /** Take in everything that *call* tells, to its end. Never throws: see `error`. */
  async follow(call: Call<ClosedAnswer>): Promise<void> {
    void call.accepted.then(() => {
      this.operationId ??= call.operationId;
      this.#change();
    });
    for await (const frame of call) this.take(frame);
    try {
      this.answer = await call;
      this.operationId ??= this.answer.operationId;
    } catch (error) {
      this.error = error as ClientError; // the client throws nothing else
    }
    this.#change();
  }

  /** Take a step; one that was taken already is passed over. */
  take(frame: ProgressFrame): void {
    if (frame.seq <= this.#seq) return;
    this.missed += this.#skippedBy(frame);
    this.#seq = frame.seq;
    this.operationId ??= frame.operationId;
    this.frames.push(frame);
    this.done = frame.done;
    this.total = frame.total;
    this.#countOpen(frame);
    const is = READINGS[frame.event];
    if (is !== undefined) this.#takeReading(is, frame);
    if (frame.event === "cancel_requested") this.isCancelling = true;
    if (frame.leg !== undefined) this.#takeLeg(frame.leg, frame);
    this.#change();
  }

  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** The end has a number of its own, which no step bears: it comes where no leg is open. */
  #skippedBy(frame: ProgressFrame): number {
    const skipped = frame.seq - this.#seq - 1;
    const mayBeEnd =
      skipped > 0 && !this.#isEndPassed && this.total > 0 && this.done === this.total;
    if (!mayBeEnd) return skipped;
    this.#isEndPassed = true;
    return skipped - 1;
  }

  #countOpen({ at, total, done }: ProgressFrame): void {
    const open = total - done;
    if (this.openLegs.at(-1)?.open !== open) this.openLegs.push({ at: Date.parse(at), open });
  }

  #takeReading(is: Reading["is"], frame: ProgressFrame): void {
    const { seq, venue = "", account = "", quantity: positions, detail, at } = frame;
    this.readings.push({ is, seq, venue, account, positions, detail, at });
  }

  #takeLeg(leg: number, frame: ProgressFrame): void {
    const known = this.legs.get(leg);
    const isEnd = frame.event === "leg_ended";
    this.legs.set(leg, {
      leg,
      venue: frame.venue ?? known?.venue ?? "",
      account: frame.account ?? known?.account ?? "",
      instrument: frame.instrument ?? known?.instrument ?? "",
      side: frame.side ?? known?.side,
      remaining: frame.remaining ?? known?.remaining,
      averagePrice: frame.averagePrice ?? known?.averagePrice,
      outcome: isEnd ? frame.outcome : known?.outcome,
      // What an order was refused for speaks of the leg until an order of it goes on.
      reason: isEnd ? frame.reason : (frame.reason ?? known?.reason),
      detail: isEnd ? frame.detail : (frame.detail ?? known?.detail),
      steps: [...(known?.steps ?? []), frame],
    });
  }

  #change(): void {
    this.version += 1;
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.soon(() => {
      this.#isAwaited = false;
      for (const tell of [...this.#watchers]) tell();
    });
  }
}
