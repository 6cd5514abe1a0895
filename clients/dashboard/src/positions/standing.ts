/** How a position stands out: what failed, what nobody knows, what is being closed. */
import type { PositionRow } from "../desk/positions.ts";
import type { Tone } from "../table/DataTable.tsx";

export type Standing = "held" | "closing" | "unanswered" | "closed" | "failed" | "unknown" | "gone";

// Something of these is held still, and nothing went wrong: their line says what became of them.
const HELD = new Set(["reduced", "dust", "excluded", "cancelled"]);

export function standingOf({ side, exit }: PositionRow): Standing {
  if (exit === undefined) return side === "flat" ? "gone" : "held";
  const { outcome, event } = exit;
  if (outcome === undefined) return event === "unknown" ? "unanswered" : "closing";
  if (outcome === "unknown") return "unknown";
  if (outcome === "flat") return "closed";
  return HELD.has(outcome) ? "held" : "failed";
}

const TONES: Readonly<Record<Standing, Tone | undefined>> = {
  held: undefined,
  closing: "busy",
  unanswered: "unsure",
  closed: "good",
  failed: "bad",
  unknown: "unsure",
  gone: "past",
};

export function toneOf(row: PositionRow): Tone | undefined {
  return row.isFading ? "past" : TONES[standingOf(row)];
}

/** What calls for somebody stands above everything else. */
export function rankOf(row: PositionRow): number {
  const standing = standingOf(row);
  return standing === "failed" || standing === "unknown" ? 0 : 1;
}
