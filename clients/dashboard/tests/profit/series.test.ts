import type { PnlLine } from "rpcclient";
import { expect, test } from "vitest";

import { currenciesOf, linesOf, summaryOf, totalsOf } from "../../src/profit/series.ts";

function line(account: string, totalPnl: number, more: Partial<PnlLine> = {}): PnlLine {
  return {
    account,
    venue: "paper",
    currency: "USD",
    unrealizedPnl: totalPnl,
    realizedPnl: 0,
    totalPnl,
    fees: 1,
    equity: 100 + totalPnl,
    connected: true,
    sandbox: true,
    ...more,
  };
}

const second = (at: number, ...accounts: readonly PnlLine[]) => ({ epoch: at * 1000, accounts });

test("a line an account, the largest first, and the total before them", () => {
  const { times, lines } = linesOf(
    [second(1, line("a", 1), line("b", -5)), second(2, line("a", 2), line("b", -6))],
    "USD",
    "totalPnl",
  );
  expect(times).toEqual([1, 2]);
  expect(lines.map(({ label, values }) => [label, values])).toEqual([
    ["Total", [-4, -4]],
    ["paper:b", [-5, -6]],
    ["paper:a", [1, 2]],
  ]);
});

test("where an account is not connected there is no figure of it, and no total", () => {
  const { lines } = linesOf(
    [
      second(1, line("a", 3), line("b", 2, { connected: false })),
      second(2, line("a", 3), line("b", 2)),
    ],
    "USD",
    "totalPnl",
  );
  expect(lines.map(({ values }) => values)).toEqual([
    [null, 5],
    [3, 3],
    [null, 2],
  ]);
  const [total] = totalsOf([line("a", 3), line("b", 2, { connected: false })]);
  expect(total?.totalPnl).toBeUndefined();
});

test("where nothing was heard there is a gap, not a line across it", () => {
  const { lines, gaps, times } = linesOf(
    [second(1, line("a", 1)), second(2, line("a", 2)), second(60, line("a", 3))],
    "USD",
    "totalPnl",
  );
  expect(gaps).toBe(1);
  expect(times).toEqual([1, 2, 2.001, 60]);
  expect(lines[0]?.values).toEqual([1, 2, null, 3]);
});

test("currencies are never added up", () => {
  const accounts = [line("a", 1), line("b", 2), line("c", 7, { currency: "INR" })];
  expect(currenciesOf([second(1, ...accounts)])).toEqual(["USD", "INR"]);
  expect(totalsOf(accounts).map(({ currency, totalPnl }) => [currency, totalPnl])).toEqual([
    ["INR", 7],
    ["USD", 3],
  ]);
});

test("the summary says in words what the line did", () => {
  const lines = linesOf(
    [second(1, line("a", 1)), second(2, line("a", 9)), second(60, line("a", 3))],
    "USD",
    "totalPnl",
  );
  const told = summaryOf(lines, "Profit", String, (at) => `${at / 1000}s`);
  expect(told).toBe(
    "Profit, paper:a: 3 at 60s; highest 9 at 2s, lowest 1 at 1s. 1 gap: nothing was heard then.",
  );
  expect(summaryOf(linesOf([], "USD", "equity"), "Equity", String, String)).toContain(
    "nothing is known",
  );
});
