/** What stands guard over a position: stops that work, and halts that let no new risk in. */
import type { HaltsAnswer, OrderItem } from "rpcclient";

import type { PositionRow } from "../desk/positions.ts";

export interface Stops {
  /** The one that the market meets first. */
  readonly price: number;
  readonly quantity: number;
}

/** By position, see `stopsOf`. */
export type StopMap = ReadonlyMap<string, Stops>;

type Halt = HaltsAnswer["halts"][number];

/** The working stop orders that can only reduce. */
export function stopMap(orders: readonly OrderItem[]): StopMap {
  const stops = new Map<string, Stops>();
  for (const order of orders) {
    const { status, reduceOnly, stopPrice, side } = order;
    if (status !== "accepted" && status !== "partially_filled") continue;
    if (reduceOnly !== true || stopPrice === undefined) continue;
    const guarded = side === "sell" ? "long" : "short";
    const key = `${order.venue}:${order.account}:${order.instrument}:${guarded}`;
    const known = stops.get(key);
    const price = Number(stopPrice);
    const nearest = guarded === "long" ? Math.max : Math.min;
    stops.set(key, {
      price: known === undefined ? price : nearest(known.price, price),
      quantity: (known?.quantity ?? 0) + Number(order.quantity) - Number(order.filled),
    });
  }
  return stops;
}

export function stopsOf(row: PositionRow, stops: StopMap): Stops | undefined {
  return stops.get(`${row.venue}:${row.account}:${row.instrument}:${row.side}`);
}

/** The halts under which no new risk comes to where *row* is. */
export function haltsOver(row: PositionRow, halts: readonly Halt[]): readonly Halt[] {
  return halts.filter(
    (halt) =>
      halt.user === null &&
      halt.strategyTag === null &&
      (halt.venue === null || halt.venue === row.venue) &&
      (halt.account === null || halt.account === row.account) &&
      (halt.instrument === null || isOfRoot(row.instrument, halt.instrument)),
  );
}

/** A root means every expiry. */
function isOfRoot(instrument: string, name: string): boolean {
  return instrument === name || instrument.startsWith(`${name} `);
}
