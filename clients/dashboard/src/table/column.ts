/** What a table is told about one of its columns. */
import type { ReactNode } from "react";

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  /** What it is sorted and filtered by, and shown as where there is no `cell`. */
  readonly value: (row: Row) => string | number | undefined;
  /** Give *tabIndex* to what can be focused: only the row that the keyboard is at has tab stops. */
  readonly cell?: (row: Row, tabIndex: 0 | -1) => ReactNode;
  /** What stands in the line of a group, for all of its rows. */
  readonly total?: (rows: readonly Row[]) => ReactNode;
  /** Figures stand to the right. */
  readonly isFigure?: boolean;
  /** Share of the width, beside the others'. */
  readonly grow?: number;
  /** CSS width that it never goes below: the table scrolls sideways before that. */
  readonly width?: string;
  /** Left out where the table is narrower than a phone held upright allows. */
  readonly isExtra?: boolean;
  /** There it stands beneath the column of this id, on a second line, instead of beside it. */
  readonly under?: string;
  /** Beneath another column it stands before the others. */
  readonly isUrgent?: boolean;
  /** Buttons and the like: nothing to sort by. */
  readonly isPlain?: boolean;
}

/** A column where it stands, with those that stand beneath it. */
export interface Placed<Row> {
  readonly column: Column<Row>;
  readonly beneath: readonly Column<Row>[];
}

const WIDTH = "4rem";

/** Where each column stands: all in one line, or on a narrow table in two. */
export function place<Row>(
  columns: readonly Column<Row>[],
  isNarrow: boolean,
): readonly Placed<Row>[] {
  if (!isNarrow) return columns.map((column) => ({ column, beneath: [] }));
  const shown = columns.filter((column) => column.isExtra !== true);
  const ids = new Set(shown.map((column) => column.id));
  const isBeneath = ({ under }: Column<Row>) => under !== undefined && ids.has(under);
  return shown
    .filter((column) => !isBeneath(column))
    .map((column) => ({ column, beneath: beneath(shown, column.id) }));
}

function beneath<Row>(columns: readonly Column<Row>[], id: string): readonly Column<Row>[] {
  const those = columns.filter(({ under }) => under === id);
  return [
    ...those.filter(({ isUrgent }) => isUrgent === true),
    ...those.filter(({ isUrgent }) => isUrgent !== true),
  ];
}

/** The tracks of the grid that every line of the table is. */
export function tracks<Row>(placed: readonly Placed<Row>[], isNarrow: boolean): string {
  return placed
    .map(({ column: { grow = 1, width = WIDTH } }) =>
      isNarrow ? `minmax(0, ${grow}fr)` : `minmax(${width}, ${grow}fr)`,
    )
    .join(" ");
}

/** The least width at which every column has its own. */
export function leastWidth<Row>(placed: readonly Placed<Row>[], isNarrow: boolean): string {
  if (isNarrow) return "0";
  return `calc(${placed.map(({ column }) => column.width ?? WIDTH).join(" + ")})`;
}
