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
  /** What was left when it was first told of, and what is left now; unsigned. */
  readonly held: string | undefined;
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

/**
 * Grows with every frame; watchers are told once a drawn frame.
 *
 * `version` changes with it, so that React knows.
 */
export class Story {
  readonly legs = new Map<number, LegStory>();
  readonly frames: ProgressFrame[] = [];
  readonly openLegs: OpenLegs[] = [];
  done = 0;
  total = 0;
  /** The final answer, or why there is none. */
  answer: ClosedAnswer | undefined;
  error: ClientError | undefined;
  version = 0;
  readonly #watchers = new Set<() => void>();
  #isAwaited = false;

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

  take(frame: ProgressFrame): void {
    this.operationId ??= frame.operationId;
    this.frames.push(frame);
    this.done = frame.done;
    this.total = frame.total;
    this.openLegs.push({ at: Date.parse(frame.at), open: frame.total - frame.done });
    if (frame.leg !== undefined) this.#takeLeg(frame.leg, frame);
    this.#change();
  }

  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
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
      held: known?.held ?? frame.remaining,
      remaining: frame.remaining ?? known?.remaining,
      averagePrice: frame.averagePrice ?? known?.averagePrice,
      outcome: isEnd ? frame.outcome : known?.outcome,
      reason: frame.reason ?? known?.reason,
      detail: frame.detail ?? known?.detail,
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
