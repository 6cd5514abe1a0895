/** Quotes of what is held, and of nothing else. */
import type { RpcClient, Subscription } from "rpcclient";

import type { Positions } from "./positions.ts";

const EVERY_MS = 250;
const SETTLE_MS = 200; // positions come and go together: what is quoted changes once for them all
const TIDY_MS = 30_000; // a quote too many does no harm for so long

export class Quotes {
  #subscription: Subscription | undefined;
  #quoted: readonly string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;

  constructor(
    private readonly client: Pick<RpcClient, "subscribe">,
    private readonly positions: Positions,
  ) {}

  start(): void {
    this.positions.board.watch(this.#look);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#subscription?.close();
  }

  readonly #look = (): void => {
    const wanted = this.positions.instruments;
    if (wanted === this.#quoted) return;
    const quoted = new Set(this.#quoted);
    const hasNew = wanted.some((instrument) => !quoted.has(instrument));
    this.#askIn(hasNew ? SETTLE_MS : TIDY_MS);
  };

  #askIn(ms: number): void {
    const dueAt = Date.now() + ms;
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#ask, ms);
  }

  readonly #ask = (): void => {
    this.#dueAt = Infinity;
    this.#quoted = this.positions.instruments;
    const before = this.#subscription;
    this.#subscription = undefined;
    if (this.#quoted.length > 0) {
      this.#subscription = this.client.subscribe([], this.#quoted, { intervalMs: EVERY_MS });
      void this.#read(this.#subscription);
    }
    before?.close(); // last: what is still wanted is never let go
  };

  async #read(subscription: Subscription): Promise<void> {
    try {
      for await (const frame of subscription) {
        if (frame.type === "marketData") this.positions.reprice(frame.quotes);
      }
    } catch {
      // It ends with the connection, whose state says why.
    }
  }
}
