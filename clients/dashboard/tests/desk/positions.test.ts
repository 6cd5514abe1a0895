import type { PositionItem, ProgressFrame, QuoteLine } from "rpcclient";
import { beforeEach, expect, test } from "vitest";

import { Positions, SHOW_CLOSED_MS } from "../../src/desk/positions.ts";

const AT = "2025-11-20T15:00:00Z";
const NOON = Date.parse(AT);

let positions: Positions;

beforeEach(() => {
  positions = new Positions((tell) => {
    tell();
  });
});

function item(change: Partial<PositionItem> = {}): PositionItem {
  return {
    positionId: "p1",
    venue: "paper",
    account: "Sim101",
    instrument: "MES 12-25",
    side: "short",
    quantity: "2",
    averagePrice: "5780.5",
    marketPrice: "5780.5",
    unrealizedPnl: "0",
    pointValue: "5",
    currency: "USD",
    updatedAt: AT,
    ...change,
  };
}

function quote(last: number, instrument = "MES 12-25"): QuoteLine {
  const prices = { last, bid: last, ask: last, open: last, high: last, low: last, close: last };
  return { instrument, venue: "paper", ...prices, volume: 1, isOpen: true, at: AT };
}

function step(change: Partial<ProgressFrame> = {}): ProgressFrame {
  return {
    type: "progress",
    requestId: "r1",
    operationId: "op-1",
    seq: 1,
    event: "sending",
    leg: 1,
    venue: "paper",
    account: "Sim101",
    instrument: "MES 12-25",
    side: "short",
    done: 0,
    total: 1,
    at: AT,
    ...change,
  };
}

const row = () => positions.board.get("p1");

test("a short position wins as its price falls, by the value of a point", () => {
  positions.replace([item()], []);
  positions.reprice([quote(5770.5)]);
  expect(row()).toMatchObject({ marketPrice: 5770.5, profit: 100, isQuoted: true });
});

test("where profit is not linear in price, the venue's figure stands", () => {
  const { pointValue, ...coinMargined } = item({ unrealizedPnl: "0.5" });
  expect(pointValue).toBeDefined();
  positions.replace([coinMargined], []);
  positions.reprice([quote(1)]);
  expect(row()).toMatchObject({ marketPrice: 1, profit: 0.5, perPoint: undefined });
});

test("a quote that says nothing new changes no row", () => {
  positions.replace([item()], []);
  positions.reprice([quote(5770.5)]);
  const before = row();
  positions.reprice([quote(5770.5), quote(1, "ES 12-25")]);
  expect(row()).toBe(before);
});

test("after a new snapshot a price counts as old until it is quoted again", () => {
  positions.replace([item()], []);
  positions.reprice([quote(5770.5)]);
  positions.replace([item()], ["paper:Sim102"]);
  expect(row()?.isQuoted).toBe(false);
  expect(positions.unread).toEqual(["paper:Sim102"]);
});

test("a position is shown while it is closed, as what it was, and for a while after", () => {
  positions.replace([item()], []);
  positions.takeStep(step());
  expect(row()?.exit).toMatchObject({ event: "sending", outcome: undefined });
  positions.take([item({ quantity: "1" })]);
  positions.take([item({ side: "flat", quantity: "0", updatedAt: AT })]);
  positions.takeStep(step({ event: "leg_ended", outcome: "flat" }));
  expect(row()).toMatchObject({
    side: "flat",
    quantity: "0",
    was: "short 2",
    profit: undefined,
    exit: { outcome: "flat" },
  });
  positions.sweep(NOON + SHOW_CLOSED_MS - 1);
  expect(row()?.isFading).toBe(true);
  positions.sweep(NOON + SHOW_CLOSED_MS + 1);
  expect(row()).toBeUndefined();
});

test("a leg that ended without closing stays on the map, with its verdict and why", () => {
  positions.replace([item()], []);
  positions.takeStep(step({ event: "leg_ended", outcome: "rejected", reason: "market_closed" }));
  positions.sweep(NOON + 10 * SHOW_CLOSED_MS);
  expect(row()?.exit).toMatchObject({ outcome: "rejected", detail: "market_closed" });
});

test("what an older operation did, told again, does not hide what a newer one does", () => {
  positions.replace([item()], []);
  positions.takeStep(step({ operationId: "op-2" }));
  const before = { operationId: "op-1", at: "2025-11-20T14:00:00Z" };
  positions.takeStep(step({ ...before, event: "leg_ended", outcome: "rejected" }));
  expect(row()?.exit?.operationId).toBe("op-2");
});

test("a step is about one side of one account", () => {
  positions.replace([item(), item({ positionId: "p2", side: "long" })], []);
  positions.takeStep(step());
  positions.takeStep(step({ account: "Sim102", side: "long" }));
  expect(row()?.exit).toBeDefined();
  expect(positions.board.get("p2")?.exit).toBeUndefined();
});

test("what was closed takes no step of the other side that is held", () => {
  positions.replace([item({ side: "long" }), item({ positionId: "p2" })], []);
  positions.takeStep(step({ side: "long", event: "leg_ended", outcome: "flat" }));
  positions.take([item({ side: "flat", quantity: "0" })]);
  positions.takeStep(step({ leg: 2, event: "leg_ended", outcome: "rejected" }));
  expect(row()).toMatchObject({ side: "flat", was: "long 2", exit: { outcome: "flat" } });
  expect(positions.board.get("p2")?.exit).toMatchObject({ outcome: "rejected" });
});

test("instruments are those that are held, and the same list for as long as they are the same", () => {
  positions.replace([item(), item({ positionId: "p2", instrument: "ES 12-25" })], []);
  const held = positions.instruments;
  expect(held).toEqual(["ES 12-25", "MES 12-25"]);
  positions.reprice([quote(1)]);
  positions.take([item({ quantity: "1" })]);
  expect(positions.instruments).toBe(held);
  positions.take([item({ side: "flat", quantity: "0" })]);
  expect(positions.instruments).toEqual(["ES 12-25"]);
});

test("what is flat stays on the map over a new connection", () => {
  positions.replace([item()], []);
  positions.take([item({ side: "flat", quantity: "0" })]);
  positions.replace([], []);
  expect(row()?.side).toBe("flat");
});

test("what was closed and is held anew is called closed no more", () => {
  positions.replace([item()], []);
  positions.take([item({ side: "flat", quantity: "0" })]);
  positions.takeStep(step({ event: "leg_ended", outcome: "flat", leg: 1 }));
  expect(positions.board.get("p1")?.exit?.outcome).toBe("flat");
  positions.take([item({ side: "short", quantity: "1" })]);
  expect(positions.board.get("p1")).toMatchObject({ side: "short", exit: undefined });
});
