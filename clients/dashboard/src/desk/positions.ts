/** The map of positions: what is held, at which price now, and what is becoming of it. */
import type { PositionItem, ProgressEvent, ProgressFrame, QuoteLine } from "rpcclient";

import { Board } from "./board.ts";

/** What an operation is doing, or did, to a position. */
export interface Exit {
  readonly operationId: string;
  readonly event: ProgressEvent;
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
  /** What was held before it was being closed, such as `long 3`. */
  readonly was: string | undefined;
  readonly averagePrice: number;
  readonly marketPrice: number | undefined;
  readonly profit: number | undefined;
  /** Whether `marketPrice` follows the market; if not, it is as old as `updatedAt`. */
  readonly isQuoted: boolean;
  readonly currency: string | undefined;
  readonly sandbox: boolean | undefined;
  readonly updatedAt: string;
  readonly exit: Exit | undefined;
  /** Profit for one whole point of price, for all that is held; undefined where it is not linear. */
  readonly perPoint: number | undefined;
  /** It is flat, and will be gone soon. */
  readonly isFading: boolean;
}

/** How long a closed position stays on the map, so that its end is seen. */
export const SHOW_CLOSED_MS = 60_000;
const FADE_AFTER_MS = 40_000;

/** Positions by id, repriced by quotes. What is flat stays for a while, as CLOSED. */
export class Positions {
  readonly board: Board<PositionRow>;
  /** Accounts that could not be read: they are missing, not flat. */
  unread: readonly string[] = [];
  readonly #byInstrument = new Map<string, Set<string>>();
  #instruments: readonly string[] = [];
  #hasOtherInstruments = false;

  constructor(soon?: (tell: () => void) => void) {
    this.board = new Board((row) => row.positionId, soon);
  }

  /** The instruments that are held now; the same array for as long as they are the same. */
  get instruments(): readonly string[] {
    if (!this.#hasOtherInstruments) return this.#instruments;
    this.#hasOtherInstruments = false;
    const held = new Set<string>();
    for (const row of this.board.rows) if (row.side !== "flat") held.add(row.instrument);
    const sorted = [...held].sort();
    if (sorted.join() !== this.#instruments.join()) this.#instruments = sorted;
    return this.#instruments;
  }

  /** What is flat for a moment goes on being shown. */
  replace(items: readonly PositionItem[], unread: readonly string[]): void {
    const before = this.board.rows;
    const exits = new Map(before.map((row) => [row.positionId, row]));
    this.unread = unread;
    this.#byInstrument.clear();
    this.board.replace([]);
    for (const row of before) if (row.side === "flat") this.#put(row);
    for (const item of items) {
      const row = carriedOn(rowOf(item), exits.get(item.positionId));
      this.#put({ ...row, isQuoted: false }); // until a quote of this connection is there
    }
  }

  take(items: readonly PositionItem[]): void {
    for (const item of items) {
      const known = this.board.get(item.positionId);
      if (item.side !== "flat") this.#put(carriedOn(rowOf(item), known));
      else if (known !== undefined) this.#put(flattened(known, item.updatedAt));
    }
  }

  reprice(quotes: readonly QuoteLine[]): void {
    for (const quote of quotes) {
      const ids = this.#byInstrument.get(nameOf(quote));
      if (ids === undefined) continue;
      for (const id of ids) {
        const row = this.board.get(id);
        if (row === undefined || row.side === "flat") continue;
        if (row.marketPrice !== quote.last || !row.isQuoted) {
          this.board.put(repriced(row, quote.last));
        }
      }
    }
  }

  /** These accounts are not reached: no price of theirs follows the market. */
  doubt(accounts: readonly { readonly venue: string; readonly account: string }[]): void {
    if (accounts.length === 0) return;
    const names = new Set(accounts.map(({ venue, account }) => `${venue}:${account}`));
    for (const row of this.board.rows) {
      if (!row.isQuoted || !names.has(`${row.venue}:${row.account}`)) continue;
      this.board.put({ ...row, isQuoted: false });
    }
  }

  /** A step of an operation: the position it is about is being closed, or has met its end. */
  takeStep(step: ProgressFrame): void {
    if (step.leg === undefined || step.instrument === undefined) return;
    const at = Date.parse(step.at);
    for (const id of this.#byInstrument.get(nameOf(step)) ?? []) {
      const row = this.board.get(id);
      if (row === undefined || row.account !== step.account) continue;
      if (step.side !== undefined && sideOf(row) !== step.side) continue;
      const isOther = row.exit?.operationId !== step.operationId;
      if (isOther && row.exit !== undefined && at < row.exit.at) continue; // told again, later
      const exit = {
        operationId: step.operationId,
        event: step.event,
        outcome: step.event === "leg_ended" ? step.outcome : undefined,
        detail: step.detail ?? step.reason,
        at,
      };
      this.board.put({ ...row, exit, was: isOther ? holdingOf(row) : row.was });
    }
  }

  /** Take flat positions from the map that have been shown for long enough. */
  sweep(now: number): void {
    for (const row of this.board.rows) {
      if (row.side !== "flat") continue;
      const age = now - Math.max(row.exit?.at ?? 0, Date.parse(row.updatedAt));
      if (age > SHOW_CLOSED_MS) this.#remove(row.positionId);
      else if (age > FADE_AFTER_MS && !row.isFading) this.board.put({ ...row, isFading: true });
    }
  }

  #put(row: PositionRow): void {
    const known = this.board.get(row.positionId);
    if (known === undefined || (known.side === "flat") !== (row.side === "flat")) {
      this.#hasOtherInstruments = true;
    }
    const ids = this.#byInstrument.get(nameOf(row)) ?? new Set();
    this.#byInstrument.set(nameOf(row), ids.add(row.positionId));
    this.board.put(row);
  }

  #remove(positionId: string): void {
    const row = this.board.get(positionId);
    if (row === undefined) return;
    this.#byInstrument.get(nameOf(row))?.delete(positionId);
    this.board.remove(positionId);
    this.#hasOtherInstruments = true;
  }
}

function nameOf(of: { readonly venue?: string; readonly instrument?: string }): string {
  return `${of.venue ?? ""}:${of.instrument ?? ""}`;
}

function rowOf(item: PositionItem): PositionRow {
  const sign = item.side === "long" ? 1 : -1;
  return {
    positionId: item.positionId,
    venue: item.venue,
    account: item.account,
    instrument: item.instrument,
    product: item.product,
    side: item.side,
    quantity: item.quantity,
    was: undefined,
    averagePrice: Number(item.averagePrice),
    marketPrice: numberOf(item.marketPrice),
    profit: numberOf(item.unrealizedPnl),
    isQuoted: false,
    currency: item.currency,
    sandbox: item.sandbox,
    updatedAt: item.updatedAt,
    exit: undefined,
    perPoint:
      item.pointValue === undefined
        ? undefined
        : Number(item.pointValue) * Number(item.quantity) * sign,
    isFading: false,
  };
}

/** What a position is now, with what is known of it from before. */
function carriedOn(row: PositionRow, known: PositionRow | undefined): PositionRow {
  if (known === undefined) return row;
  // It was closed, and is held anew: what closed it says nothing of this.
  if (known.side === "flat" && known.exit?.outcome !== undefined) return row;
  const { exit, was, isQuoted, marketPrice } = known;
  const same = { ...row, exit, was, isQuoted };
  if (row.marketPrice !== undefined || marketPrice === undefined) return same;
  return { ...repriced(same, marketPrice), isQuoted };
}

function flattened(known: PositionRow, updatedAt: string): PositionRow {
  if (known.side === "flat") return { ...known, updatedAt };
  return {
    ...known,
    side: "flat",
    quantity: "0",
    was: known.was ?? holdingOf(known),
    marketPrice: undefined,
    profit: undefined,
    updatedAt,
  };
}

function holdingOf({ side, quantity, was }: PositionRow): string | undefined {
  return side === "flat" ? was : `${side} ${quantity}`;
}

/** The side that is held, or was: the other one of a hedged account is another position. */
function sideOf(row: PositionRow): string | undefined {
  return holdingOf(row)?.split(" ", 1)[0];
}

/** Figures for eyes only: nothing is decided by them. */
function repriced(row: PositionRow, price: number): PositionRow {
  const profit =
    row.perPoint === undefined ? row.profit : (price - row.averagePrice) * row.perPoint;
  return { ...row, marketPrice: price, profit, isQuoted: true };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
