import { OutcomeUnknown, RpcError } from "rpcclient";
import { expect, test } from "vitest";

import { argsOf, type Draft, EMPTY, problemsOf, wordsOf } from "../../src/orders/ticket.ts";
import { isLost, refusalOf } from "../../src/orders/usePlacing.ts";

const draft: Draft = { ...EMPTY, account: "paper:Sim101", instrument: " ES ", quantity: "2" };

test("figures are sent as the texts that were typed", () => {
  expect(
    argsOf({ ...draft, quantity: " 0.10 ", orderType: "LIMIT", limitPrice: "5700.250" }),
  ).toEqual({
    account: "paper:Sim101",
    instrument: "ES",
    action: "buy",
    quantity: "0.10",
    orderType: "LIMIT",
    timeInForce: "day",
    limitPrice: "5700.250",
  });
});

test("a price of another type of order is not sent along", () => {
  const args = argsOf({ ...draft, limitPrice: "1", stopPrice: "2", orderType: "STOPMARKET" });
  expect(args.limitPrice).toBeUndefined();
  expect(args.stopPrice).toBe("2");
});

test("what is no figure above zero is refused before it is sent", () => {
  for (const quantity of ["", "0", "0.00", "-1", "1,5", "1e3", "abc", "."]) {
    expect(problemsOf({ ...draft, quantity }).quantity, quantity).toBeDefined();
  }
  expect(problemsOf(draft)).toEqual({});
  expect(problemsOf({ ...draft, orderType: "STOPLIMIT" })).toEqual({
    limitPrice: "A price above zero",
    stopPrice: "A price above zero",
  });
});

test("the button says what it sends", () => {
  expect(wordsOf(draft)).toBe("Buy 2 ES at market");
  const stop = {
    ...draft,
    action: "sell",
    orderType: "STOPLIMIT",
    stopPrice: "9",
    limitPrice: "8",
  };
  expect(wordsOf(stop as Draft)).toBe("Sell 2 ES stop 9 at 8");
});

test("a refusal is no, and a lost answer is neither yes nor no", () => {
  expect(isLost(new OutcomeUnknown("the connection was lost"))).toBe(true);
  expect(isLost(new RpcError("outcome_unknown", ""))).toBe(true);
  expect(isLost(new RpcError("halted", "by desk"))).toBe(false);
  expect(refusalOf(new RpcError("halted", "a bad day"))).toEqual({
    title: "New risk is halted",
    detail: "a bad day (halted)",
  });
});
