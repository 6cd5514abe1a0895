/** The lines of a table: its rows, and above them the groups that they stand in. */
import type { Column } from "./column.ts";
import { naturalKey } from "./matching.ts";

export interface GroupLine<Row> {
  readonly is: "group";
  readonly key: string;
  /** From 1, as screen readers count. */
  readonly level: number;
  readonly column: Column<Row>;
  readonly name: string;
  /** All of them, also those in groups within. */
  readonly rows: readonly Row[];
  readonly isOpen: boolean;
}

export interface RowLine<Row> {
  readonly is: "row";
  readonly key: string;
  readonly level: number;
  readonly row: Row;
}

export type Line<Row> = GroupLine<Row> | RowLine<Row>;

export interface Outline<Row> {
  readonly keyOf: (row: Row) => string;
  /** The outermost first. */
  readonly groupBy: readonly Column<Row>[];
  /** Keys of groups whose rows are not shown. */
  readonly closed: ReadonlySet<string>;
  /** Groups that hold a row of a lower rank stand first. */
  readonly rankOf?: ((row: Row) => number) | undefined;
}

/** The lines of *rows*, which keep their order within their groups; groups stand by their names. */
export function outline<Row>(
  rows: readonly Row[],
  how: Outline<Row>,
  within = "",
  level = 1,
): Line<Row>[] {
  const column = how.groupBy[level - 1];
  if (column === undefined) {
    return rows.map((row) => ({ is: "row", key: how.keyOf(row), level, row }));
  }
  const lines: Line<Row>[] = [];
  for (const [name, members] of grouped(rows, column, how.rankOf)) {
    const key = `${within}/${column.id}=${name}`;
    const isOpen = !how.closed.has(key);
    lines.push({ is: "group", key, level, column, name, rows: members, isOpen });
    if (isOpen) for (const line of outline(members, how, key, level + 1)) lines.push(line);
  }
  return lines;
}

function grouped<Row>(
  rows: readonly Row[],
  column: Column<Row>,
  rankOf: ((row: Row) => number) | undefined,
): [string, Row[]][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = String(column.value(row) ?? "–");
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  const sorted = [...groups].map(([name, members]) => ({
    group: [name, members] as [string, Row[]],
    rank: rankOf === undefined ? 0 : lowest(members, rankOf),
    key: naturalKey(name),
  }));
  sorted.sort((one, other) => one.rank - other.rank || (one.key < other.key ? -1 : 1));
  return sorted.map(({ group }) => group);
}

function lowest<Row>(rows: readonly Row[], rankOf: (row: Row) => number): number {
  return rows.reduce((rank, row) => Math.min(rank, rankOf(row)), Infinity);
}
