import type { PositionItem, QuoteLine, Subscription, SubscriptionFrame } from "rpcclient";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Positions } from "../../src/desk/positions.ts";
import { Quotes } from "../../src/desk/quotes.ts";

const AT = "2025-11-20T15:00:00Z";

/** A subscription that hears what it is told to. */
class Heard {
  isClosed = false;
  readonly #waiting: ((frame: SubscriptionFrame) => void)[] = [];

  constructor(readonly instruments: readonly string[]) {}

  tell(frame: SubscriptionFrame): void {
    this.#waiting.shift()?.(frame);
  }

  close(): void {
    this.isClosed = true;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<SubscriptionFrame> {
    for (;;) yield await new Promise<SubscriptionFrame>((told) => this.#waiting.push(told));
  }
}

let heard: Heard[];
let positions: Positions;

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  positions = new Positions((tell) => {
    tell();
  });
  const client = {
    subscribe: (_: readonly string[], instruments: readonly string[] = []) => {
      heard.push(new Heard(instruments));
      return heard.at(-1) as unknown as Subscription;
    },
  };
  new Quotes(client, positions).start();
});

afterEach(() => {
  vi.useRealTimers();
});

function held(instrument: string, side: PositionItem["side"] = "long"): PositionItem {
  const figures = { quantity: "1", averagePrice: "100", pointValue: "1" };
  const where = { venue: "paper", account: "Sim101", instrument };
  return { positionId: instrument, ...where, side, ...figures, updatedAt: AT };
}

function quotes(instrument: string, last: number): SubscriptionFrame {
  const prices = { last, bid: last, ask: last, open: last, high: last, low: last, close: last };
  const quote: QuoteLine = {
    instrument,
    venue: "paper",
    ...prices,
    volume: 1,
    isOpen: true,
    at: AT,
  };
  return { type: "marketData", quotes: [quote] };
}

test("what is held is quoted, once for all that comes together", () => {
  positions.take([held("ES")]);
  positions.take([held("NQ")]);
  vi.advanceTimersByTime(1_000);
  expect(heard.map(({ instruments }) => instruments)).toEqual([["ES", "NQ"]]);
});

test("new ones are asked for soon, and what is not held any more is let go later", () => {
  positions.take([held("ES"), held("NQ")]);
  vi.advanceTimersByTime(1_000);
  positions.take([held("ES", "flat")]);
  vi.advanceTimersByTime(1_000);
  expect(heard).toHaveLength(1);
  vi.advanceTimersByTime(30_000);
  expect(heard[1]?.instruments).toEqual(["NQ"]);
  expect(heard[0]?.isClosed).toBe(true);
  positions.take([held("CL")]);
  vi.advanceTimersByTime(1_000);
  expect(heard[2]?.instruments).toEqual(["CL", "NQ"]);
});

test("thousands are asked for in parts, and a frame that all of them hear counts once", async () => {
  positions.take(Array.from({ length: 2_500 }, (_, index) => held(`SYN${String(index)}`)));
  vi.advanceTimersByTime(1_000);
  expect(heard.map(({ instruments }) => instruments.length)).toEqual([1_000, 1_000, 500]);
  await vi.advanceTimersByTimeAsync(0);
  const [first, second] = [quotes("SYN7", 101), quotes("SYN7", 102)];
  heard[0]?.tell(first);
  await vi.advanceTimersByTimeAsync(0);
  heard[0]?.tell(second);
  await vi.advanceTimersByTimeAsync(0);
  heard[1]?.tell(first); // late: it must not bring the old price back
  await vi.advanceTimersByTimeAsync(0);
  expect(positions.board.get("SYN7")?.marketPrice).toBe(102);
});
