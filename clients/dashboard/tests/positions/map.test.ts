import type { HaltsAnswer, OrderItem } from "rpcclient";
import { expect, test } from "vitest";

import type { Exit, PositionRow } from "../../src/desk/positions.ts";
import { haltsOver, stopMap, stopsOf } from "../../src/positions/guards.ts";
import { ALL, narrowed } from "../../src/positions/narrowing.ts";
import { rankOf, standingOf, toneOf } from "../../src/positions/standing.ts";
import { describeProfits, profitsOf, summarize } from "../../src/positions/summary.ts";

const AT = "2025-11-20T15:00:00Z";

function position(change: Partial<PositionRow> = {}): PositionRow {
  return {
    positionId: "p1",
    venue: "paper",
    account: "Sim101",
    instrument: "ES 12-25",
    product: undefined,
    side: "long",
    quantity: "3",
    was: undefined,
    averagePrice: 5780,
    marketPrice: 5790,
    profit: 50,
    isQuoted: true,
    currency: "USD",
    sandbox: true,
    updatedAt: AT,
    exit: undefined,
    perPoint: 5,
    isFading: false,
    ...change,
  };
}

function exit(outcome: string | undefined, event: Exit["event"] = "leg_ended"): Exit {
  return { operationId: "op-1", event, outcome, detail: undefined, at: 0 };
}

function order(change: Partial<OrderItem> = {}): OrderItem {
  return {
    orderId: "o1",
    venue: "paper",
    account: "Sim101",
    instrument: "ES 12-25",
    side: "sell",
    type: "stop_market",
    status: "accepted",
    quantity: "2",
    filled: "0",
    stopPrice: "5700",
    reduceOnly: true,
    updatedAt: AT,
    ...change,
  };
}

type Halt = HaltsAnswer["halts"][number];

function halt(change: Partial<Halt> = {}): Halt {
  const nobody = { account: null, venue: null, instrument: null, strategyTag: null, user: null };
  const who = { principal: "desk", reason: "the feed is wrong", at: AT, grants: ["*"] };
  return { haltId: "h1", level: "cancel", everything: true, ...nobody, ...who, ...change };
}

test.each([
  [undefined, "held", 1, undefined],
  [exit(undefined, "sending"), "closing", 1, "busy"],
  [exit(undefined, "unknown"), "unanswered", 1, "unsure"],
  [exit("flat"), "closed", 1, "good"],
  [exit("rejected"), "failed", 0, "bad"],
  [exit("waiting_market"), "failed", 0, "bad"],
  [exit("partial"), "failed", 0, "bad"],
  [exit("unknown"), "unknown", 0, "unsure"],
  [exit("excluded"), "held", 1, undefined],
  [exit("reduced"), "held", 1, undefined],
  [exit("dust"), "held", 1, undefined],
  [exit("a word of a later server"), "failed", 0, "bad"],
] as const)("%o stands out as %s", (of, standing, rank, tone) => {
  const row = position({ exit: of });
  expect([standingOf(row), rankOf(row), toneOf(row)]).toEqual([standing, rank, tone]);
});

test("amounts of different currencies are never added up, and what is missing is said", () => {
  const rows = [
    position({ profit: 50 }),
    position({ profit: -20.5 }),
    position({ profit: 7, currency: "INR" }),
    position({ profit: undefined, currency: "INR" }),
    position({ profit: 1000, side: "flat" }),
  ];
  expect(profitsOf(rows)).toEqual([
    { currency: "INR", amount: 7, missing: 1 },
    { currency: "USD", amount: 29.5, missing: 0 },
  ]);
  expect(describeProfits(profitsOf(rows))).toBe("+7.00* INR · +29.50 USD");
});

test("where no profit of a currency is known, there is none: it is not zero", () => {
  expect(describeProfits(profitsOf([position({ profit: undefined })]))).toBe("– USD");
});

test("the summary counts what is held, and what becomes of it", () => {
  const rows = [
    position(),
    position({ side: "short", exit: exit("rejected") }),
    position({ side: "flat", exit: exit("flat") }),
  ];
  expect(summarize(rows)).toMatchObject({
    long: 1,
    short: 1,
    standings: { held: 1, failed: 1, closed: 1, unknown: 0 },
  });
});

test("each filter narrows, and what is flat goes by what it was", () => {
  const rows = [
    position({ positionId: "winner", profit: 1 }),
    position({ positionId: "loser", profit: -1, side: "short" }),
    position({ positionId: "unpriced", profit: undefined, venue: "gate" }),
    position({ positionId: "closed", profit: undefined, side: "flat", was: "short 2" }),
    position({ positionId: "failed", profit: 1, exit: exit("rejected") }),
  ];
  const ids = (change: Partial<typeof ALL>) =>
    narrowed(rows, { ...ALL, ...change }).map(({ positionId }) => positionId);
  expect(ids({ side: "short" })).toEqual(["loser", "closed"]);
  expect(ids({ result: "winning" })).toEqual(["winner", "failed"]);
  expect(ids({ result: "losing" })).toEqual(["loser"]);
  expect(ids({ result: "trouble" })).toEqual(["failed"]);
  expect(ids({ venue: "gate" })).toEqual(["unpriced"]);
  expect(ids({ side: "long", result: "winning" })).toEqual(["winner", "failed"]);
});

test("a position is guarded by working stops that can only reduce it", () => {
  const stops = stopMap([
    order(),
    order({ orderId: "o2", stopPrice: "5750", quantity: "1" }),
    order({ orderId: "o3", stopPrice: "5760", status: "canceled" }),
    order({ orderId: "o4", stopPrice: "5770", reduceOnly: false }),
    order({ orderId: "o5", side: "buy", stopPrice: "5800" }),
  ]);
  expect(stopsOf(position(), stops)).toEqual({ price: 5750, quantity: 3 });
  expect(stopsOf(position({ side: "short" }), stops)?.price).toBe(5800);
  expect(stopsOf(position({ account: "Sim102" }), stops)).toBeUndefined();
});

test("a halt stands over what it names: a root over every expiry", () => {
  const over = (change: Partial<Halt>) => haltsOver(position(), [halt(change)]).length === 1;
  expect(over({})).toBe(true);
  expect(over({ account: "Sim101", instrument: "ES" })).toBe(true);
  expect(over({ instrument: "E" })).toBe(false);
  expect(over({ account: "Sim102" })).toBe(false);
  expect(over({ user: "somebody" })).toBe(false); // that is about orders, not about positions
});
