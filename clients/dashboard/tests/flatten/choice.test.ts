import { expect, test } from "vitest";

import type { PositionRow } from "../../src/desk/positions.ts";
import {
  type Choice,
  choiceOf,
  describe,
  NOTHING_CHOSEN,
  remarkProblem,
  remarksOf,
  shifted,
  wantedOf,
  furtherOf,
} from "../../src/flatten/choice.ts";

const AT_MARKET = { ladder: [{ type: "market" }] };

function wanted(change: Partial<Choice>) {
  return wantedOf({ ...NOTHING_CHOSEN, ...change });
}

function held(positionId: string, account: string, instrument: string, side: "long" | "short") {
  return { positionId, venue: "paper", account, instrument, side } as PositionRow;
}

test("nothing chosen is never everything", () => {
  expect(wanted({})).toMatchObject({ api: undefined });
  expect(wanted({ strategyTag: "  " })).toMatchObject({ api: undefined });
  expect(wanted({ exclude: ["ES"] })).toMatchObject({ api: undefined }); // no filter by itself
  expect(wanted({ reach: "everything" })).toEqual({ api: "FlattenEverything", args: AT_MARKET });
});

test("every filter is said, and only those that were chosen", () => {
  const all = wanted({
    accounts: ["paper:Sim101"],
    instruments: ["ES"],
    side: "short",
    venue: "paper",
    strategyTag: "scalper",
    pnl: "losers",
    exclude: ["NQ 12-25"],
  });
  expect(all).toEqual({
    api: "Flatten",
    args: {
      accounts: ["paper:Sim101"],
      instruments: ["ES"],
      marketPosition: "short",
      venue: "paper",
      strategyTag: "scalper",
      pnl: "losers",
      exclude: ["NQ 12-25"],
      ...AT_MARKET,
    },
  });
  expect(wanted({ reach: "preferred", accounts: ["left over"] })).toEqual({
    api: "Flatten",
    args: { scope: "preferred", ...AT_MARKET },
  });
});

test("filters that were typed before do not narrow everything", () => {
  expect(wanted({ reach: "everything", accounts: ["paper:Sim101"] })).toEqual({
    api: "FlattenEverything",
    args: AT_MARKET,
  });
});

test("a part is sent digit for digit", () => {
  const part = (percent: string) => wanted({ side: "long", amount: "percent", percent });
  expect(part("33.3")).toMatchObject({ args: { fraction: "0.333" } });
  expect(part("100")).toMatchObject({ args: { fraction: "1" } });
  expect(part("0.1")).toMatchObject({ args: { fraction: "0.001" } });
  for (const wrong of ["0", "101", "-5", "half", "", "1e1", "NaN", "5,5"]) {
    expect(part(wrong), wrong).toMatchObject({ api: undefined });
  }
});

test("a quantity is sent as it was typed, and never of everything", () => {
  const some = { amount: "quantity", quantity: " 0.0010 " } as const;
  expect(wanted({ side: "long", ...some })).toMatchObject({ args: { quantity: "0.0010" } });
  expect(wanted({ reach: "everything", ...some })).toMatchObject({ api: undefined });
  for (const wrong of ["0", "-1", "", "Infinity"]) {
    expect(wanted({ side: "long", ...some, quantity: wrong })).toMatchObject({ api: undefined });
  }
});

test("a ladder begins at once and goes on later, step by step", () => {
  const ladder = wanted({ side: "long", execution: "ladder" });
  expect(ladder).toMatchObject({
    args: {
      ladder: [
        { type: "limit", offsetTicks: 0, afterMs: 0 },
        { type: "limit", offsetTicks: 4, afterMs: 3000 },
        { type: "market", offsetTicks: 0, afterMs: 8000 },
      ],
    },
  });
  const step = { key: 1, type: "limit", offsetTicks: "0", afterSeconds: "0" } as const;
  const wrong = [
    [],
    [{ ...step, afterSeconds: "1" }],
    [{ ...step, offsetTicks: "1.5" }],
    [step, { ...step, key: 2 }],
    [step, { ...step, key: 2, afterSeconds: "soon" }],
  ];
  for (const rungs of wrong) {
    expect(wanted({ side: "long", execution: "ladder", ladder: rungs })).toMatchObject({
      api: undefined,
    });
  }
});

test("what is preferred is left out, and taken by the server", () => {
  expect(wanted({ side: "long", execution: "preferred" })).toEqual({
    api: "Flatten",
    args: { marketPosition: "long" },
  });
});

test("a reason, a deadline and broken glass are said beside the plan", () => {
  const choice = {
    ...NOTHING_CHOSEN,
    reason: " fat finger ",
    deadlineSeconds: "1.5",
    breakGlass: true,
  };
  expect(remarksOf(choice)).toEqual({ reason: "fat finger", deadlineMs: 1500, breakGlass: true });
  expect(remarksOf(NOTHING_CHOSEN)).toEqual({});
  expect(remarkProblem(choice)).toBeUndefined();
  expect(remarkProblem({ ...choice, reason: " " })).toMatch(/reason/);
  expect(remarkProblem({ ...NOTHING_CHOSEN, onFence: "override" })).toMatch(/reason/);
  for (const wrong of ["0", "86401", "soon", "0.0001"]) {
    expect(remarkProblem({ ...NOTHING_CHOSEN, deadlineSeconds: wrong }), wrong).toMatch(/deadline/);
  }
});

test("aimed at positions, the filters are as narrow as they can be", () => {
  const positions = [
    held("p1", "Sim101", "ES 12-25", "short"),
    held("p2", "Sim101", "NQ 12-25", "long"),
    held("p3", "Sim102", "ES 12-25", "short"),
  ];
  expect(choiceOf({ positionIds: ["p1"] }, positions)).toMatchObject({
    accounts: ["paper:Sim101"],
    instruments: ["ES 12-25"],
    side: "short",
  });
  expect(choiceOf({ positionIds: ["p1", "p2"] }, positions)).toMatchObject({
    accounts: ["paper:Sim101"],
    instruments: ["ES 12-25", "NQ 12-25"],
    side: "any",
  });
  expect(choiceOf({}, positions)).toEqual(NOTHING_CHOSEN);
});

test("a decimal point moves, and no digit is lost", () => {
  expect(shifted("12.5", -2)).toBe("0.125");
  expect(shifted("0.1", 3)).toBe("100");
  expect(shifted("7", 0)).toBe("7");
  expect(shifted("1.23", 1)).toBe("12.3");
  expect(shifted("0.000000000001", -2)).toBe("0.00000000000001");
});

test("a scope in few words", () => {
  expect(describe("FlattenEverything", {})).toBe("Everything");
  expect(describe("Flatten", { accounts: ["a", "b"], marketPosition: "long" })).toBe("a, b, long");
  expect(describe("Flatten", { instruments: ["a", "b", "c", "d", "e"] })).toBe(
    "a, b, c and 2 more",
  );
});

test("what is set out of sight is counted, as far as it has a say", () => {
  expect(furtherOf(NOTHING_CHOSEN)).toBe(0);
  const set: Choice = { ...NOTHING_CHOSEN, venue: "paper", exclude: ["ES"], dust: "leave" };
  expect(furtherOf(set)).toBe(3);
  expect(furtherOf({ ...set, reach: "everything", breakGlass: true })).toBe(2);
});
