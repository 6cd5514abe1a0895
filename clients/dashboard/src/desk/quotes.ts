/** Quotes of what is held, and of nothing else. */
import type { RpcClient, Subscription, SubscriptionFrame } from "rpcclient";

import type { Positions } from "./positions.ts";

const EVERY_MS = 250;
const TOGETHER_MAX = 1_000; // instruments of one frame: the server takes none beyond 64 KiB
const LOOK_MS = 1_000;
const SETTLE_MS = 200; // positions come and go together: what is quoted changes once for them all
const TIDY_MS = 30_000; // a quote too many does no harm for so long

export class Quotes {
  #subscriptions: readonly Subscription[] = [];
  readonly #taken = new WeakSet<SubscriptionFrame>();
  #quoted: readonly string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;

  constructor(
    private readonly client: Pick<RpcClient, "subscribe">,
    private readonly positions: Positions,
  ) {}

  start(): void {
    this.positions.board.watchEvery(LOOK_MS, this.#look);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const each of this.#subscriptions) each.close();
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
    const before = this.#subscriptions;
    this.#subscriptions = chunks(this.#quoted, TOGETHER_MAX).map((instruments) =>
      this.client.subscribe([], instruments, { intervalMs: EVERY_MS }),
    );
    for (const each of this.#subscriptions) void this.#read(each);
    for (const each of before) each.close(); // last: what is still wanted is never let go
  };

  async #read(subscription: Subscription): Promise<void> {
    try {
      for await (const frame of subscription) {
        if (frame.type !== "marketData" || this.#taken.has(frame)) continue;
        this.#taken.add(frame); // each subscription hears the quotes of them all
        this.positions.reprice(frame.quotes);
      }
    } catch {
      // It ends with the connection, whose state says why; or refused: then no price follows.
    }
  }
}

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
