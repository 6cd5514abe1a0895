/** Which of the positions somebody wants to see. */
import type { PositionRow } from "../desk/positions.ts";
import { standingOf } from "./standing.ts";

export interface Narrowing {
  readonly side: "" | "long" | "short";
  /** Empty: of every venue. */
  readonly venue: string;
  readonly result: "" | "winning" | "losing" | "trouble" | "closing";
}

export const ALL: Narrowing = { side: "", venue: "", result: "" };

export function narrowed(
  rows: readonly PositionRow[],
  { side, venue, result }: Narrowing,
): readonly PositionRow[] {
  if (side === "" && venue === "" && result === "") return rows;
  return rows.filter(
    (row) =>
      (side === "" || sideOf(row) === side) &&
      (venue === "" || row.venue === venue) &&
      isOf(row, result),
  );
}

/** Of what is flat: the side that it was. */
function sideOf({ side, was }: PositionRow): string {
  return side === "flat" ? (was?.split(" ")[0] ?? "") : side;
}

function isOf(row: PositionRow, result: Narrowing["result"]): boolean {
  switch (result) {
    case "":
      return true;
    case "winning":
      return row.profit !== undefined && row.profit > 0;
    case "losing":
      return row.profit !== undefined && row.profit < 0;
    case "trouble":
      return ["failed", "unknown", "unanswered"].includes(standingOf(row));
    case "closing":
      return ["closing", "unanswered"].includes(standingOf(row));
  }
}
