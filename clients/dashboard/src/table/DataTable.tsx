/** A table of any length: only the rows in sight are drawn, and the keyboard reaches them all. */
import { CloseButton, Group, Text, TextInput } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import {
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  type SortingState,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useDeferredValue,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";

import type { Board } from "../desk/board.ts";
import { formatCount } from "../words/format.ts";
import { type Column, leastWidth, place, tracks } from "./column.ts";
import classes from "./DataTable.module.css";
import { Head } from "./Head.tsx";
import { GroupView, RowView, type Tone } from "./Lines.tsx";
import { matching, naturalKey } from "./matching.ts";
import { type Line, outline } from "./outline.ts";
import { useRoving } from "./useRoving.ts";

export type { Column } from "./column.ts";
export type { Tone } from "./Lines.tsx";

const LINE_HEIGHT = 34; // pixels
const TWO_LINES_HEIGHT = 54;
const NARROW = 640;
const RANK = "#rank";

export interface Selection {
  readonly selected: ReadonlySet<string>;
  readonly onChange: (selected: ReadonlySet<string>) => void;
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
  /** CSS height; without it the table is as high as its rows and never higher than fits. */
  readonly height?: string;
  /** Where its rows change: each line in sight then draws itself, and `rows` may come rarely. */
  readonly board?: Board<Row>;
  /** Ids of columns, the outermost first. */
  readonly groupBy?: readonly string[];
  /** Rows of a lower rank stand first, however they are sorted. */
  readonly rankOf?: (row: Row) => number;
  readonly toneOf?: (row: Row) => Tone | undefined;
  /** What a row is called, where it is selected. */
  readonly nameOf?: (row: Row) => string;
  readonly selection?: Selection;
  /** Whether there is a field above it to filter by words. */
  readonly hasFilter?: boolean;
  /** Beside that field. */
  readonly toolbar?: ReactNode;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

const NOTHING: ReadonlySet<string> = new Set();
const UNGROUPED: readonly string[] = [];

export function DataTable<Row extends object>({
  label,
  rows,
  columns,
  keyOf,
  empty,
  onOpen,
  sort,
  height,
  board,
  groupBy = UNGROUPED,
  rankOf,
  toneOf,
  nameOf = keyOf,
  selection,
  hasFilter = false,
  toolbar,
}: DataTableProps<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const { ref: sizer, width } = useElementSize<HTMLDivElement>();
  const measured = useMergedRef(scroller, sizer);
  const isNarrow = (width === 0 ? window.innerWidth : width) < NARROW;

  const [text, setText] = useState("");
  const wanted = useDeferredValue(text);
  const [sorting, setSorting] = useState<SortingState>(() => (sort === undefined ? [] : [sort]));
  const [closed, setClosed] = useState(NOTHING);

  const found = useMemo(() => matching(rows, columns, wanted), [rows, columns, wanted]);
  const definitions = useMemo(
    () => [
      { id: RANK, accessorFn: (row: Row) => rankOf?.(row) ?? 0, sortFn: "basic" as const },
      ...columns.map((column) => ({
        id: column.id,
        accessorFn: (row: Row) => sortable(column.value(row)),
        sortFn: "basic" as const,
        sortUndefined: "last" as const,
        sortDescFirst: column.isFigure === true,
        enableSorting: column.isPlain !== true,
      })),
    ],
    [columns, rankOf],
  );
  // Where all rows are of one rank, they are not compared by it: that would be half of the work.
  const isRanked = useMemo(() => rankOf !== undefined && hasRanks(found, rankOf), [found, rankOf]);
  const order = useMemo(
    () => (isRanked ? [{ id: RANK, desc: false }, ...sorting] : sorting),
    [isRanked, sorting],
  );
  const table = useTable({
    features,
    columns: definitions,
    data: found,
    getRowId: keyOf,
    state: { sorting: order },
    onSortingChange: (update) => {
      setSorting((before) => {
        const after = typeof update === "function" ? update(before) : update;
        return after.filter(({ id }) => id !== RANK);
      });
    },
  });
  const sorted = table.getRowModel().rows;

  const groups = useMemo(
    () => groupBy.flatMap((id) => columns.filter((column) => column.id === id)),
    [groupBy, columns],
  );
  const lines = useMemo(() => {
    const all = sorted.map((row) => row.original);
    return outline(all, { keyOf, groupBy: groups, closed, rankOf });
  }, [sorted, keyOf, groups, closed, rankOf]);
  const placed = useMemo(
    () =>
      place(
        columns.filter((column) => !groups.includes(column)),
        isNarrow,
      ),
    [columns, groups, isNarrow],
  );
  const hasChecks = selection !== undefined;
  const template = `${hasChecks ? "2.2rem " : ""}${tracks(placed, isNarrow)}`;
  const hasTwoLines = placed.some(({ beneath }) => beneath.length > 0);
  const rowHeight = hasTwoLines ? TWO_LINES_HEIGHT : LINE_HEIGHT;
  const groupHeight = isNarrow ? TWO_LINES_HEIGHT : LINE_HEIGHT;
  const isGrid = onOpen !== undefined || hasChecks || groups.length > 0;
  const cellRole = isGrid ? "gridcell" : "cell";

  const toggle = useCallback((key: string) => {
    setClosed((before) => toggled(before, key));
  }, []);
  const act = (line: Line<Row>, how: "open" | "select") => {
    if (line.is === "group") toggle(line.key);
    else if (how === "open" && onOpen !== undefined) onOpen(line.row);
    else selection?.onChange(toggled(selection.selected, line.key));
  };
  const roving = useRoving({ lines, scroller, toggle, act });

  const lineKey = useCallback((index: number) => lines[index]?.key ?? index, [lines]);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    getItemKey: lineKey, // a new function would have every line measured anew
    estimateSize: (index) => (lines[index]?.is === "group" ? groupHeight : rowHeight),
    scrollMargin: LINE_HEIGHT,
    scrollPaddingStart: LINE_HEIGHT,
    overscan: 8,
    // The line that the keyboard is at stays, or the focus would be lost with it.
    rangeExtractor: (range: Range) => withActive(defaultRangeExtractor(range), roving.activeIndex),
  });

  useLayoutEffect(() => {
    virtual.measure();
  }, [virtual, rowHeight, groupHeight]);

  const onClick = (event: MouseEvent<HTMLDivElement>) => {
    const target = event.target as HTMLElement;
    const line = roving.lineAt(target);
    if (line === undefined) return;
    if (isGrid) roving.setActive(line.key);
    if (target.matches("[data-selects]")) act(line, "select");
    else if (target.closest("a, button, input, label, select") === null) act(line, "open");
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (!isGrid) return;
    const index = roving.onKeyDown(event);
    if (index !== undefined) virtual.scrollToIndex(index);
  };

  const isAllSelected =
    hasChecks &&
    found.length > 0 &&
    selection.selected.size >= found.length &&
    found.every((row) => selection.selected.has(keyOf(row)));
  return (
    <div
      className={classes.table}
      style={{ minHeight: Math.min(lines.length + 1, 6) * LINE_HEIGHT }}
    >
      {(hasFilter || toolbar !== undefined) && (
        <Group className={classes.bar} gap="xs">
          {hasFilter && (
            <TextInput
              size="xs"
              className={classes.filter}
              aria-label={`Filter ${label.toLowerCase()}`}
              placeholder="Filter"
              leftSection={<IconSearch size={14} />}
              rightSection={
                text !== "" && (
                  <CloseButton
                    size="xs"
                    aria-label="Clear the filter"
                    onClick={() => {
                      setText("");
                    }}
                  />
                )
              }
              value={text}
              onChange={(event) => {
                setText(event.currentTarget.value);
              }}
            />
          )}
          {toolbar}
          <Text size="xs" c="dimmed" role="status" className={classes.found}>
            {wanted.trim() !== "" &&
              `${formatCount(found.length)} of ${formatCount(rows.length)} found`}
          </Text>
        </Group>
      )}
      <div
        ref={measured}
        className={classes.scroller}
        style={height === undefined ? undefined : { height, maxHeight: height }}
        role={isGrid ? (groups.length > 0 ? "treegrid" : "grid") : "table"}
        data-narrow={isNarrow}
        aria-label={label}
        aria-rowcount={lines.length + 1}
        aria-multiselectable={hasChecks ? true : undefined}
        tabIndex={isGrid ? undefined : 0}
      >
        <div
          role="rowgroup"
          className={classes.head}
          style={{ minWidth: leastWidth(placed, isNarrow) }}
        >
          <Head
            placed={placed}
            tracks={template}
            sorterOf={(id) => table.getColumn(id)}
            checks={
              hasChecks
                ? {
                    isAll: isAllSelected,
                    isSome: selection.selected.size > 0,
                    onToggle: () => {
                      selection.onChange(isAllSelected ? NOTHING : new Set(found.map(keyOf)));
                    },
                  }
                : undefined
            }
          />
        </div>
        {lines.length > 0 && (
          <div
            role="rowgroup"
            className={classes.body}
            style={{ height: virtual.getTotalSize(), minWidth: leastWidth(placed, isNarrow) }}
            onClick={onClick}
            onKeyDown={onKeyDown}
          >
            {virtual.getVirtualItems().map((item) => {
              const line = lines[item.index];
              if (line === undefined) return null;
              const where = {
                lineKey: line.key,
                index: item.index + 2,
                start: item.start - LINE_HEIGHT,
                height: item.size,
                tracks: template,
                tabIndex: isGrid ? (item.index === roving.activeIndex ? 0 : -1) : undefined,
              } as const;
              if (line.is === "group")
                return (
                  <GroupView
                    key={line.key}
                    {...where}
                    level={line.level}
                    group={line}
                    placed={placed}
                    hasChecks={hasChecks}
                  />
                );
              return (
                <RowView
                  key={line.key}
                  {...where}
                  level={groups.length > 0 ? line.level : undefined}
                  row={line.row}
                  board={board}
                  placed={placed}
                  cellRole={cellRole}
                  opens={isGrid}
                  toneOf={toneOf}
                  isSelected={selection?.selected.has(line.key)}
                  nameOf={nameOf}
                />
              );
            })}
          </div>
        )}
        {lines.length === 0 && (
          <p className={classes.empty}>{rows.length === 0 ? empty : "Nothing matches."}</p>
        )}
      </div>
    </div>
  );
}

function hasRanks<Row>(rows: readonly Row[], rankOf: (row: Row) => number): boolean {
  const [first] = rows;
  return first !== undefined && rows.some((row) => rankOf(row) !== rankOf(first));
}

function sortable(value: string | number | undefined): string | number | undefined {
  return typeof value === "string" ? naturalKey(value) : value;
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const changed = new Set(set);
  if (!changed.delete(key)) changed.add(key);
  return changed;
}

function withActive(indexes: number[], active: number): number[] {
  if (active < 0 || indexes.includes(active)) return indexes;
  return [...indexes, active].sort((one, other) => one - other);
}
