/** What a plan comes to, and how it differs from the one before. */
import type { PlanAnswer, PlannedLegAnswer } from "rpcclient";

import type { PositionRow } from "../desk/positions.ts";
import type { Asking } from "./choice.ts";

/** How long the server carries out a plan by its hash. */
export const PLAN_LIVES_MS = 60_000;

export interface PlanTotals {
  /** Positions of which something is to be closed. */
  readonly closing: number;
  readonly accounts: number;
  readonly venues: readonly string[];
  readonly cancels: number;
  readonly shutMarkets: number;
  readonly untouched: number;
}

export function totalsOf({ legs }: Pick<PlanAnswer, "legs">): PlanTotals {
  const closing = legs.filter(isClosed);
  return {
    closing: closing.length,
    accounts: new Set(legs.map((leg) => `${leg.venue}:${leg.account}`)).size,
    venues: [...new Set(legs.map((leg) => leg.venue))],
    cancels: new Set(legs.flatMap((leg) => leg.cancels ?? [])).size,
    shutMarkets: closing.filter(isShut).length,
    untouched: legs.length - closing.length,
  };
}

/** Whether there is anything to do: a position to close, or an order to cancel. */
export function isEmpty(plan: PlanAnswer): boolean {
  const { closing, cancels } = totalsOf(plan);
  return closing === 0 && cancels === 0 && (plan.legsOmitted ?? 0) === 0;
}

export function isClosed(leg: PlannedLegAnswer): boolean {
  return leg.excluded !== true && leg.quantity !== leg.target;
}

export function isShut(leg: PlannedLegAnswer): boolean {
  return leg.market !== undefined && leg.market.phase !== "open";
}

/**
 * Whether a press of *plan* would close all there is: it then needs a typed word.
 *
 * One single position is not "all", although there may be no other.
 */
export function isWidest(
  asking: Asking,
  plan: Pick<PlanAnswer, "legs" | "legsOmitted">,
  positions: readonly PositionRow[],
): boolean {
  if (asking.api === "FlattenEverything") return true;
  const held = positions.filter((row) => row.side !== "flat");
  if (held.length < 2) return plan.legs.filter(isClosed).length > 1;
  if ((plan.legsOmitted ?? 0) > 0) return true; // too many to be shown: wide enough
  const closed = new Set(plan.legs.filter(isClosed).map((leg) => leg.positionId));
  if (held.every((row) => closed.has(row.positionId))) return true;
  const accounts = new Set(held.map((row) => `${row.venue}:${row.account}`));
  const reached = new Set(plan.legs.filter(isClosed).map((leg) => `${leg.venue}:${leg.account}`));
  return accounts.size > 1 && [...accounts].every((account) => reached.has(account));
}

/** Positions that the filters reach although nobody chose them. */
export function strangersIn(
  plan: Pick<PlanAnswer, "legs">,
  chosen: readonly string[] | undefined,
): readonly PlannedLegAnswer[] {
  if (chosen === undefined || chosen.length === 0) return [];
  const wanted = new Set(chosen);
  return plan.legs.filter((leg) => isClosed(leg) && !wanted.has(leg.positionId));
}

/** In words, how *after* differs from *before*: nothing where it is the same plan. */
export function differences(before: PlanAnswer, after: PlanAnswer): readonly string[] {
  if (before.planHash === after.planHash) return [];
  const old = new Map(before.legs.map((leg) => [keyOf(leg), leg]));
  const told: string[] = [];
  for (const leg of after.legs) {
    const was = old.get(keyOf(leg));
    old.delete(keyOf(leg));
    if (was === undefined) told.push(`new: ${nameOf(leg)}, ${leg.plannedQuantity} to close`);
    else told.push(...changesOf(was, leg));
  }
  for (const gone of old.values()) told.push(`gone: ${nameOf(gone)}`);
  return told.length > 0 ? told : ["the plan is another one"];
}

function changesOf(was: PlannedLegAnswer, leg: PlannedLegAnswer): string[] {
  const told: string[] = [];
  if (was.quantity !== leg.quantity) {
    told.push(`${nameOf(leg)}: held ${was.quantity}, now ${leg.quantity}`);
  } else if (was.plannedQuantity !== leg.plannedQuantity) {
    told.push(`${nameOf(leg)}: closes ${leg.plannedQuantity} instead of ${was.plannedQuantity}`);
  }
  const [before, now] = [was.cancels ?? [], leg.cancels ?? []];
  if (before.join() !== now.join()) {
    told.push(`${nameOf(leg)}: cancels ${now.length} orders instead of ${before.length}`);
  }
  return told;
}

function keyOf(leg: PlannedLegAnswer): string {
  return [leg.venue, leg.account, leg.instrument, leg.product ?? "", leg.side].join("|");
}

export function nameOf(leg: Pick<PlannedLegAnswer, "account" | "instrument" | "side">): string {
  return `${leg.account} ${leg.instrument} ${leg.side}`;
}
