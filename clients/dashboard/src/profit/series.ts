/** Profit over time, as lines with gaps where nothing was heard. For eyes only. */
import type { PnlLine } from "rpcclient";

import type { Line } from "../chart/TimeChart.tsx";
import type { Profit } from "../desk/desk.ts";

export type Measure = "totalPnl" | "unrealizedPnl" | "realizedPnl" | "equity";

export interface Lines {
  /** In seconds since the epoch. */
  readonly times: readonly number[];
  /** The total first, then accounts, the largest first. */
  readonly lines: readonly Line[];
  readonly gaps: number;
  /** How many accounts there are, drawn or not. */
  readonly accounts: number;
}

/** So long without a point, and there was no connection. */
const GAP_MS = 5_000;
const ACCOUNTS_MAX = 8;

/** Those that most accounts are kept in stand first. */
export function currenciesOf(profits: readonly Profit[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { currency } of profits.at(-1)?.accounts ?? []) {
    counts.set(currency, (counts.get(currency) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).map(([name]) => name);
}

/** One line an account, and their total: none at a moment at which one of them is not known. */
export function linesOf(profits: readonly Profit[], currency: string, measure: Measure): Lines {
  const newest = (profits.at(-1)?.accounts ?? []).filter((line) => line.currency === currency);
  const names = [...newest].sort((a, b) => Math.abs(b[measure]) - Math.abs(a[measure])).map(nameOf);
  const drawn = names.slice(0, ACCOUNTS_MAX);
  const times: number[] = [];
  const total: (number | null)[] = [];
  const own = drawn.map((): (number | null)[] => []);
  let before: number | undefined;
  let gaps = 0;
  for (const { epoch, accounts } of profits) {
    if (before !== undefined && epoch - before > GAP_MS) {
      gaps += 1;
      times.push((before + 1) / 1000);
      total.push(null);
      for (const values of own) values.push(null);
    }
    before = epoch;
    const known = new Map(
      accounts
        .filter((line) => line.currency === currency && line.connected)
        .map((line) => [nameOf(line), line[measure]]),
    );
    times.push(epoch / 1000);
    const isWhole = names.every((name) => known.has(name));
    total.push(isWhole ? sum([...known.values()]) : null);
    drawn.forEach((name, index) => own[index]?.push(known.get(name) ?? null));
  }
  const lines = drawn.map((label, index) => ({ label, values: own[index] ?? [] }));
  const isOne = names.length === 1;
  return {
    times,
    lines: isOne
      ? lines.map((line) => ({ ...line, isMain: true }))
      : [{ label: "Total", values: total, isMain: true }, ...lines],
    gaps,
    accounts: names.length,
  };
}

export interface Total {
  readonly currency: string;
  /** Of every account, or undefined while one of them is not connected. */
  readonly totalPnl: number | undefined;
  readonly unrealizedPnl: number | undefined;
  readonly realizedPnl: number | undefined;
  readonly fees: number | undefined;
  readonly equity: number | undefined;
}

export function totalsOf(lines: readonly PnlLine[]): readonly Total[] {
  const currencies = [...new Set(lines.map(({ currency }) => currency))].sort();
  return currencies.map((currency) => {
    const own = lines.filter((line) => line.currency === currency);
    const of = (measure: Measure | "fees") =>
      own.every(({ connected }) => connected) ? sum(own.map((line) => line[measure])) : undefined;
    return {
      currency,
      totalPnl: of("totalPnl"),
      unrealizedPnl: of("unrealizedPnl"),
      realizedPnl: of("realizedPnl"),
      fees: of("fees"),
      equity: of("equity"),
    };
  });
}

/** What a line did, for those who do not see it. */
export function summaryOf(
  { times, lines, gaps, accounts }: Lines,
  what: string,
  format: (value: number | undefined) => string,
  clock: (milliseconds: number) => string,
): string {
  const main = lines[0];
  const points = (main?.values ?? []).flatMap((value, index) =>
    value === null ? [] : [{ value, at: (times[index] ?? 0) * 1000 }],
  );
  const last = points.at(-1);
  if (main === undefined || last === undefined) return `${what}: nothing is known yet.`;
  const high = points.reduce((a, b) => (b.value > a.value ? b : a));
  const low = points.reduce((a, b) => (b.value < a.value ? b : a));
  const drawn = lines.length - (lines.length > 1 ? 1 : 0);
  return [
    `${what}, ${main.label === "Total" ? "all accounts" : main.label}: ${format(last.value)} at ${clock(last.at)};`,
    `highest ${format(high.value)} at ${clock(high.at)}, lowest ${format(low.value)} at ${clock(low.at)}.`,
    drawn < accounts ? `${drawn} of ${accounts} accounts are drawn; all are in the table.` : "",
    gaps === 0 ? "" : `${gaps} ${gaps === 1 ? "gap" : "gaps"}: nothing was heard then.`,
  ]
    .filter(Boolean)
    .join(" ");
}

export function nameOf({ venue, account }: { readonly venue: string; readonly account: string }) {
  return `${venue}:${account}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
