import type { ClientError } from "./errors.ts";
import type {
  ChannelEvents,
  MarketData,
  PnlUpdate,
  Subscribe,
  Subscribed,
} from "./generated/protocol.ts";
import { Queue } from "./queue.ts";

export type Channel = NonNullable<Subscribe["channels"]>[number];
export type SubscriptionFrame = Subscribed | ChannelEvents | MarketData;

/** Frames that wait to be read. */
export const FRAMES_MAX = 10_000;

/** What a subscription is made of, whichever frames it brings. */
abstract class Stream<Frame> implements AsyncIterable<Frame> {
  protected abstract readonly frames: Queue<Frame>;

  constructor(private readonly onClose: () => void) {}

  /** Frames that were dropped because nobody read them. */
  get missed(): number {
    return this.frames.missed;
  }

  /** Hear no more. */
  close(): void {
    this.frames.end();
    this.onClose();
  }

  /** There will be no more frames. */
  end(error: ClientError): void {
    this.frames.end(error);
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame, undefined> {
    return {
      next: () => this.frames.next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/**
 * Frames of some channels and instruments, across connections.
 *
 * After every (re)connection, and where a reader fell too far behind, a `subscribed` frame with a
 * snapshot comes first: it replaces what was known. Where the server refuses it, reading it ends
 * with the `RpcError`.
 */
export class Subscription extends Stream<SubscriptionFrame> {
  protected readonly frames: Queue<SubscriptionFrame>;
  #isWaiting = true; // for its snapshot

  constructor(
    /** What the server's answers to it bear. */
    readonly id: string,
    readonly channels: readonly Channel[],
    readonly instruments: readonly string[],
    /** Between two frames of quotes. */
    readonly intervalMs: number,
    onClose: (subscription: Subscription) => void,
    onBehind: (subscription: Subscription) => void,
  ) {
    super(() => {
      onClose(this);
    });
    this.frames = new Queue<SubscriptionFrame>(FRAMES_MAX, (queue) => {
      if (this.channels.length === 0) {
        queue.drop(1);
        return;
      }
      queue.drop(); // events are changes: with one lost, only a new snapshot is true
      onBehind(this);
    });
  }

  /** It is asked for anew: what comes before its snapshot is not for it. */
  onAsked(): void {
    this.#isWaiting = true;
  }

  take(frame: SubscriptionFrame): void {
    if (this.#isMeant(frame)) this.frames.push(frame);
  }

  #isMeant(frame: SubscriptionFrame): boolean {
    switch (frame.type) {
      case "event":
        return this.channels.includes(frame.channel) && !this.#isWaiting;
      case "marketData":
        return this.instruments.length > 0;
      case "subscribed":
        if (frame.requestId !== undefined && frame.requestId !== this.id) return false;
        this.#isWaiting = false;
        return true;
    }
  }
}

/** Profit of every account, each `intervalMs`. Old figures are dropped: only the newest count. */
export class PnlStream extends Stream<PnlUpdate> {
  protected readonly frames = new Queue<PnlUpdate>(100);

  constructor(
    readonly intervalMs: number,
    onClose: (stream: PnlStream) => void,
  ) {
    super(() => {
      onClose(this);
    });
  }

  take(frame: PnlUpdate): void {
    this.frames.push(frame);
  }
}
