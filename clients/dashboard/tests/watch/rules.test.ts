import type { RuleAnswer } from "rpcclient";
import { describe, expect, test } from "vitest";

import { argsOf, draftOf, sayRule } from "../../src/watch/rules/kinds.ts";

const RULE: RuleAnswer = {
  ruleId: "day-limit",
  kind: "daily_loss",
  accounts: ["paper:Sim101"],
  reason: "the house limit",
  principal: "desk",
  since: "2025-11-20T15:00:00Z",
  timeZone: "America/Chicago",
  amount: 2000,
  action: "flatten_and_lock",
  dayStartsAt: "17:00:00",
};

describe("rules", () => {
  test("a form sends what its kind has, and nothing that was typed for another", () => {
    const args = argsOf({
      kind: "drawdown",
      ruleId: " ",
      accounts: [],
      reason: " why ",
      terms: { amount: "1000.50", action: "halt", at: "15:50", times: "3" },
    });
    expect(args).toEqual({ kind: "drawdown", reason: "why", amount: "1000.50", action: "halt" });
  });

  test("durations are typed in seconds", () => {
    const terms = { times: "3", everyMs: "10", forMs: "0.5" };
    const args = argsOf({ kind: "retry", ruleId: "", accounts: [], reason: "x", terms });
    expect(args).toMatchObject({ times: 3, everyMs: 10_000, forMs: 500 });
  });

  test("a rule that stands is laid down again as it was", () => {
    expect(argsOf(draftOf(RULE))).toEqual({
      ruleId: "day-limit",
      kind: "daily_loss",
      accounts: ["paper:Sim101"],
      reason: "the house limit",
      amount: "2000",
      action: "flatten_and_lock",
      dayStartsAt: "17:00:00",
      timeZone: "America/Chicago",
    });
  });

  test("a rule over every account names none", () => {
    expect(argsOf(draftOf({ ...RULE, accounts: ["*"] }))).not.toHaveProperty("accounts");
  });

  test.each([
    [RULE, "2,000 lost since 17:00 America/Chicago: flatten the account and lock it"],
    [
      { ...RULE, kind: "retry", times: 3, everyMs: 10_000, forMs: 120_000 },
      "3 times, 10 s apart, for 120 s",
    ],
    [
      { ...RULE, kind: "flatten_at", at: "15:50:00", until: "16:05:30", calendar: "CMES" },
      "At 15:50 on days of CMES, until 16:05:30, America/Chicago",
    ],
  ])("$kind", (rule, says) => {
    expect(sayRule(rule)).toBe(says);
  });
});
