/** The map of positions: what is held, at which price now, and what is becoming of it. */
import type { PositionItem, ProgressFrame, QuoteLine } from "rpcclient";

import { Board } from "./board.ts";

/** What an operation is doing, or did, to a position. */
export interface Exit {
  readonly operationId: string;
  /** Absent while the operation is at work on it. */
  readonly outcome: string | undefined;
  readonly detail: string | undefined;
  readonly at: number;
}

export interface PositionRow {
  readonly positionId: string;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly product: string | undefined;
  readonly side: "long" | "short" | "flat";
  readonly quantity: string;
  readonly averagePrice: number;
  readonly marketPrice: number | undefined;
  readonly profit: number | undefined;
  readonly currency: string | undefined;
  readonly sandbox: boolean | undefined;
  readonly updatedAt: string;
  readonly exit: Exit | undefined;
  /** Profit of one whole point of price; undefined where profit is not linear in price. */
  readonly perPoint: number | undefined;
}

/** How long a closed position stays on the map, so that its end is seen. */
export const SHOW_CLOSED_MS = 60_000;

/** Positions by id, repriced by quotes. What is flat stays for a while, as CLOSED. */
export class Positions {
  readonly board: Board<PositionRow>;
  /** Accounts that could not be read: they are missing, not flat. */
  unread: readonly string[] = [];
  readonly #byInstrument = new Map<string, Set<string>>();

  constructor(soon?: (tell: () => void) => void) {
    this.board = new Board((row) => row.positionId, soon);
  }

  /** The instruments that are held now. */
  get instruments(): readonly string[] {
    const held = new Set<string>();
    for (const row of this.board.rows) if (row.side !== "flat") held.add(row.instrument);
    return [...held].sort();
  }

  replace(items: readonly PositionItem[], unread: readonly string[]): void {
    const exits = new Map(this.board.rows.map((row) => [row.positionId, row.exit]));
    this.unread = unread;
    this.#byInstrument.clear();
    this.board.replace([]);
    for (const item of items) this.#put({ ...rowOf(item), exit: exits.get(item.positionId) });
  }

  take(items: readonly PositionItem[]): void {
    for (const item of items) {
      const known = this.board.get(item.positionId);
      if (item.side === "flat" && known?.exit === undefined) {
        this.#remove(item.positionId);
      } else {
        const row = rowOf(item);
        this.#put({
          ...row,
          marketPrice: row.marketPrice ?? known?.marketPrice,
          exit: known?.exit,
        });
      }
    }
  }

  reprice(quotes: readonly QuoteLine[]): void {
    for (const quote of quotes) {
      for (const id of this.#byInstrument.get(nameOf(quote)) ?? []) {
        const row = this.board.get(id);
        if (row === undefined || row.side === "flat") continue;
        this.board.put(repriced(row, quote.last));
      }
    }
  }

  /** A step of an operation: the position it is about is being closed, or has met its end. */
  takeStep(step: ProgressFrame): void {
    if (step.leg === undefined || step.instrument === undefined) return;
    const isEnd = step.event === "leg_ended";
    for (const id of this.#byInstrument.get(nameOf(step)) ?? []) {
      const row = this.board.get(id);
      if (row === undefined || row.account !== step.account) continue;
      if (row.side !== "flat" && step.side !== undefined && row.side !== step.side) continue;
      const exit = {
        operationId: step.operationId,
        outcome: isEnd ? step.outcome : undefined,
        detail: step.detail ?? step.reason,
        at: Date.parse(step.at),
      };
      this.board.put({ ...row, exit });
    }
  }

  /** Take closed positions from the map that have been shown for long enough. */
  sweep(now: number): void {
    for (const { positionId, side, exit } of this.board.rows) {
      if (side !== "flat") continue;
      if (exit === undefined || now - exit.at > SHOW_CLOSED_MS) this.#remove(positionId);
    }
  }

  #put(row: PositionRow): void {
    const ids = this.#byInstrument.get(nameOf(row)) ?? new Set();
    this.#byInstrument.set(nameOf(row), ids.add(row.positionId));
    this.board.put(row);
  }

  #remove(positionId: string): void {
    const row = this.board.get(positionId);
    if (row === undefined) return;
    this.#byInstrument.get(nameOf(row))?.delete(positionId);
    this.board.remove(positionId);
  }
}

function nameOf(of: { readonly venue?: string; readonly instrument?: string }): string {
  return `${of.venue ?? ""}:${of.instrument ?? ""}`;
}

function rowOf(item: PositionItem): PositionRow {
  return {
    positionId: item.positionId,
    venue: item.venue,
    account: item.account,
    instrument: item.instrument,
    product: item.product,
    side: item.side,
    quantity: item.quantity,
    averagePrice: Number(item.averagePrice),
    marketPrice: numberOf(item.marketPrice),
    profit: numberOf(item.unrealizedPnl),
    currency: undefined,
    sandbox: item.sandbox,
    updatedAt: item.updatedAt,
    exit: undefined,
    perPoint: undefined,
  };
}

/** Figures for eyes only: nothing is decided by them. */
function repriced(row: PositionRow, price: number): PositionRow {
  if (row.perPoint === undefined) return { ...row, marketPrice: price };
  const sign = row.side === "long" ? 1 : -1;
  const points = (price - row.averagePrice) * sign;
  return { ...row, marketPrice: price, profit: points * Number(row.quantity) * row.perPoint };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
