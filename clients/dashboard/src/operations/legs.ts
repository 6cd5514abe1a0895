/** The legs of an operation as a screen shows them: what is known of each from both sources. */
import type { DetailedLeg, LegAnswer, LegsOrderAnswer } from "rpcclient";

import { isTroubled, sayState } from "../desk/spans.ts";
import type { LegStory } from "../desk/story.ts";

/** Quantities are texts with the venue's digits; undefined is what is not known yet. */
export interface LegRow {
  readonly leg: number;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly quantity: string | undefined;
  readonly target: string | undefined;
  readonly remaining: string | undefined;
  readonly averagePrice: string | undefined;
  readonly outcome: string | undefined;
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  readonly provenAt: string | undefined;
  readonly unprotected: boolean;
  readonly joined: boolean;
  readonly realized: string | undefined;
  readonly orders: readonly LegsOrderAnswer[];
  /** What it is at, where it has not ended. */
  readonly state: string;
  /** How much of an order has filled, such as `2 of 3`. */
  readonly filled: string | undefined;
  readonly isTroubled: boolean;
  /** Of the way to its target, 0 to 1, for a bar. */
  readonly share: number;
  readonly story: LegStory | undefined;
}

const NO_STEPS = { steps: [] } as const;

/** *detail*: from an answer, which is as old as that; *story*: from the steps, as they come. */
export function legRow(
  detail: DetailedLeg | LegAnswer | undefined,
  story: LegStory | undefined,
): LegRow {
  const outcome = story?.outcome ?? detail?.outcome ?? undefined;
  const hasEnded = typeof detail?.outcome === "string";
  const remaining = hasEnded ? detail.remaining : (story?.remaining ?? detail?.remaining);
  const fill = story?.steps.findLast((step) => step.event === "filled");
  return {
    leg: detail?.leg ?? story?.leg ?? 0,
    venue: detail?.venue ?? story?.venue ?? "",
    account: detail?.account ?? story?.account ?? "",
    instrument: detail?.instrument ?? story?.instrument ?? "",
    side: detail?.side ?? story?.side ?? "",
    quantity: detail?.quantity,
    target: detail?.target,
    remaining,
    averagePrice: story?.averagePrice ?? detail?.averagePrice,
    outcome,
    reason: story?.reason ?? detail?.reason,
    detail: story?.detail ?? detail?.detail,
    provenAt: detail?.provenAt,
    unprotected: detail?.unprotected === true,
    joined: detail?.joined === true,
    realized: detail?.realized,
    orders: detail !== undefined && "orders" in detail ? (detail.orders ?? []) : [],
    state: sayState(story),
    filled:
      fill?.filled === undefined || fill.quantity === undefined
        ? undefined
        : `${fill.filled} of ${fill.quantity}`,
    isTroubled: isTroubled({ outcome, steps: (story ?? NO_STEPS).steps }),
    share: shareOf(detail?.quantity, detail?.target, remaining, outcome),
    story,
  };
}

/** Those that somebody should look at first, then those at work, then those that have ended. */
export function byUrgency(one: LegRow, other: LegRow): number {
  return rankOf(one) - rankOf(other) || one.leg - other.leg;
}

export function rankOf(row: LegRow): number {
  if (row.isTroubled) return 0;
  return row.outcome === undefined ? 1 : 2;
}

/** Every leg that either source knows of, by its number. */
export function legRows(
  details: ReadonlyMap<number, DetailedLeg | LegAnswer>,
  stories: ReadonlyMap<number, LegStory>,
): LegRow[] {
  const numbers = new Set([...details.keys(), ...stories.keys()]);
  return [...numbers]
    .sort((one, other) => one - other)
    .map((leg) => legRow(details.get(leg), stories.get(leg)));
}

function shareOf(
  quantity: string | undefined,
  target: string | undefined,
  remaining: string | undefined,
  outcome: string | undefined,
): number {
  if (outcome === "flat" || outcome === "reduced") return 1;
  const all = Number(quantity) - Number(target);
  const done = Number(quantity) - Number(remaining);
  return all > 0 && done > 0 ? Math.min(1, done / all) : 0;
}
