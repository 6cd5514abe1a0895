/** What all of it comes to. Amounts of different currencies are never added up. */
import type { PositionRow } from "../desk/positions.ts";
import { formatMoney } from "../words/format.ts";
import { type Standing, standingOf } from "./standing.ts";

export interface ProfitLine {
  /** Empty where the venue does not say. */
  readonly currency: string;
  /** Undefined where no profit is known. */
  readonly amount: number | undefined;
  /** Positions whose profit nobody knows: they are not in `amount`. */
  readonly missing: number;
}

export interface Summary {
  readonly long: number;
  readonly short: number;
  readonly standings: Readonly<Record<Standing, number>>;
  /** By currency, in the order of the alphabet. */
  readonly profits: readonly ProfitLine[];
}

export function summarize(rows: readonly PositionRow[]): Summary {
  let [long, short] = [0, 0];
  const standings = {
    held: 0,
    closing: 0,
    unanswered: 0,
    closed: 0,
    failed: 0,
    unknown: 0,
    gone: 0,
  };
  for (const row of rows) {
    if (row.side === "long") long += 1;
    if (row.side === "short") short += 1;
    standings[standingOf(row)] += 1;
  }
  return { long, short, standings, profits: profitsOf(rows) };
}

export function profitsOf(rows: readonly PositionRow[]): readonly ProfitLine[] {
  const lines = new Map<string, { amount: number | undefined; missing: number }>();
  for (const { side, currency = "", profit } of rows) {
    if (side === "flat") continue;
    let line = lines.get(currency);
    if (line === undefined) lines.set(currency, (line = { amount: undefined, missing: 0 }));
    if (profit === undefined) line.missing += 1;
    else line.amount = (line.amount ?? 0) + profit;
  }
  return [...lines]
    .map(([currency, line]) => ({ currency, ...line }))
    .sort((one, other) => (one.currency < other.currency ? -1 : 1));
}

/** `+97.50 USD · +20.38 USDT`; with a mark where something is missing from a sum. */
export function describeProfits(lines: readonly ProfitLine[]): string {
  return lines
    .map(({ currency, amount, missing }) => {
      const mark = amount !== undefined && missing > 0 ? "*" : "";
      return `${formatMoney(amount)}${mark} ${currency}`.trim();
    })
    .join(" · ");
}
