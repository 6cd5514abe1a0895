/** A table of any length: only the rows in sight are drawn. Sorted by its headings. */
import {
  columnSizingFeature,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useMemo, useRef } from "react";

import classes from "./DataTable.module.css";

const ROW_HEIGHT = 34; // pixels

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  /** What it is sorted by, and shown as where there is no `cell`. */
  readonly value: (row: Row) => string | number | undefined;
  readonly cell?: (row: Row) => ReactNode;
  /** Figures stand to the right. */
  readonly isFigure?: boolean;
  /** Share of the width, beside the others'. */
  readonly grow?: number;
  /** Left out where the table is narrower than a phone held upright allows. */
  readonly isExtra?: boolean;
}

export interface DataTableProps<Row> {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  /** What stands there when there are no rows. */
  readonly empty: string;
  readonly onOpen?: (row: Row) => void;
  readonly sort?: { readonly id: string; readonly desc: boolean };
  /** CSS height; the table scrolls within it. */
  readonly height?: string;
}

const features = tableFeatures({
  rowSortingFeature,
  columnSizingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});

export function DataTable<Row extends object>({
  label,
  rows,
  columns,
  keyOf,
  empty,
  onOpen,
  sort,
  height = "calc(100dvh - 180px)",
}: DataTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        accessorFn: column.value,
        sortFn: column.isFigure === true ? ("basic" as const) : ("alphanumeric" as const),
        sortUndefined: "last" as const,
      })),
    [columns],
  );
  const table = useTable({
    features,
    columns: definitions,
    data: rows,
    getRowId: keyOf,
    initialState: { sorting: sort === undefined ? [] : [sort] },
  });
  const sorted = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const template = columns.map(({ grow = 1 }) => `minmax(0, ${grow}fr)`).join(" ");
  return (
    <div
      ref={scroller}
      className={classes.scroller}
      style={{ height }}
      role="table"
      aria-label={label}
      aria-rowcount={sorted.length + 1}
      tabIndex={0}
    >
      <div
        className={classes.head}
        role="row"
        aria-rowindex={1}
        style={{ gridTemplateColumns: template }}
      >
        {table.getHeaderGroups().flatMap((group) =>
          group.headers.map((header, index) => {
            const column = columns[index];
            if (column === undefined) return null;
            const sorting = header.column.getIsSorted();
            return (
              <div
                key={header.id}
                role="columnheader"
                className={classes.cell}
                data-figure={column.isFigure}
                aria-sort={
                  sorting === "asc" ? "ascending" : sorting === "desc" ? "descending" : "none"
                }
              >
                <button
                  type="button"
                  className={classes.sorter}
                  onClick={header.column.getToggleSortingHandler()}
                >
                  {column.header}
                  <span aria-hidden>
                    {sorting === "asc" ? " ▲" : sorting === "desc" ? " ▼" : ""}
                  </span>
                </button>
              </div>
            );
          }),
        )}
      </div>
      {sorted.length === 0 && <p className={classes.empty}>{empty}</p>}
      <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = sorted[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={row.id}
              role="row"
              aria-rowindex={item.index + 2}
              className={classes.row}
              style={{
                gridTemplateColumns: template,
                height: item.size,
                transform: `translateY(${item.start}px)`,
              }}
              data-opens={onOpen !== undefined}
              onClick={() => onOpen?.(row.original)}
            >
              {columns.map((column) => (
                <div
                  key={column.id}
                  role="cell"
                  className={classes.cell}
                  data-figure={column.isFigure}
                >
                  {column.cell?.(row.original) ?? column.value(row.original)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
