import { expect, test } from "vitest";
import type { PlanAnswer, PlannedLegAnswer } from "rpcclient";

import type { PositionRow } from "../../src/desk/positions.ts";
import type { Asking } from "../../src/flatten/choice.ts";
import { differences, isEmpty, isWidest, strangersIn, totalsOf } from "../../src/flatten/plan.ts";

function leg(number: number, rest: Partial<PlannedLegAnswer> = {}): PlannedLegAnswer {
  return {
    leg: number,
    positionId: `p${number}`,
    venue: "paper",
    account: "Sim101",
    instrument: `I${number}`,
    side: "long",
    quantity: "2",
    target: "0",
    plannedQuantity: "2",
    market: { phase: "open" },
    ...rest,
  };
}

function plan(planHash: string, ...legs: readonly PlannedLegAnswer[]): PlanAnswer {
  return {
    dryRun: true,
    planned: true,
    operationId: "op-1",
    statusCode: 200,
    planHash,
    estimateMs: 200,
    legs,
    durationMs: 1,
    auditSeq: 1,
    auditHead: "aa",
  };
}

function held(positionId: string, account = "Sim101"): PositionRow {
  return { positionId, venue: "paper", account, side: "long" } as PositionRow;
}

const SOME: Asking = { api: "Flatten", args: { account: "Sim101" } };

test("a plan in figures", () => {
  const totals = totalsOf(
    plan(
      "h",
      leg(1, { cancels: ["a", "b"] }),
      leg(2, { account: "Sim102", market: { phase: "closed" }, cancels: ["c"] }),
      leg(3, { excluded: true }),
    ),
  );
  expect(totals).toEqual({
    closing: 2,
    accounts: 2,
    venues: ["paper"],
    cancels: 3,
    shutMarkets: 1,
    untouched: 1,
  });
});

test("a flat instrument with working orders is something to do", () => {
  const orders = leg(1, { quantity: "0", plannedQuantity: "0", cancels: ["a"] });
  expect(isEmpty(plan("h", orders))).toBe(false);
  expect(isEmpty(plan("h"))).toBe(true);
  expect(isEmpty(plan("h", leg(1, { excluded: true })))).toBe(true);
});

test("all there is, or a part of every account, is the widest", () => {
  const both = [held("p1"), held("p2")];
  expect(isWidest(SOME, plan("h", leg(1), leg(2)), both)).toBe(true);
  expect(isWidest(SOME, plan("h", leg(1)), both)).toBe(false);
  expect(isWidest(SOME, plan("h", leg(1)), [held("p1")])).toBe(false); // one is not "all"
  expect(isWidest({ api: "FlattenEverything", args: {} }, plan("h"), [])).toBe(true);
  const two = [held("p1"), held("p2"), held("p3", "Sim102")];
  expect(isWidest(SOME, plan("h", leg(1), leg(3, { account: "Sim102" })), two)).toBe(true);
  expect(isWidest(SOME, plan("h", leg(1), leg(2)), two)).toBe(false);
  expect(isWidest(SOME, { ...plan("h", leg(1)), legsOmitted: 9000 }, both)).toBe(true);
});

test("what nobody selected is told", () => {
  const all = plan("h", leg(1), leg(2), leg(3, { excluded: true }));
  expect(strangersIn(all, ["p1"]).map(({ positionId }) => positionId)).toEqual(["p2"]);
  expect(strangersIn(all, undefined)).toEqual([]);
});

test("how a plan has changed", () => {
  const before = plan("a", leg(1), leg(2, { cancels: ["x"] }), leg(4));
  const after = plan(
    "b",
    leg(1, { quantity: "3", plannedQuantity: "3" }),
    leg(2),
    leg(3, { side: "short" }),
  );
  expect(differences(before, after)).toEqual([
    "Sim101 I1 long: held 2, now 3",
    "Sim101 I2 long: cancels 0 orders instead of 1",
    "new: Sim101 I3 short, 2 to close",
    "gone: Sim101 I4 long",
  ]);
  expect(differences(before, { ...before, legs: [] })).toEqual([]); // the same plan
  expect(differences(before, { ...before, planHash: "c" })).toHaveLength(1);
});
