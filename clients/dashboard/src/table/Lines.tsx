/** How the lines of a table are drawn: each by itself, so that one that changes is alone in it. */
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { memo, useCallback, useSyncExternalStore } from "react";

import type { Board } from "../desk/board.ts";
import type { Placed } from "./column.ts";
import classes from "./DataTable.module.css";
import type { GroupLine } from "./outline.ts";

/** How a line stands out: what failed, what nobody knows, what goes well, what is under way, what was. */
export type Tone = "bad" | "unsure" | "good" | "busy" | "past";

/** Where a line is, and how screen readers find it. */
interface Place {
  readonly lineKey: string;
  /** From 1; the head is the first. */
  readonly index: number;
  /** Undefined in a table without groups. */
  readonly level: number | undefined;
  readonly start: number;
  readonly height: number;
  readonly tracks: string;
  /** Undefined where lines are not moved to by the keyboard. */
  readonly tabIndex: 0 | -1 | undefined;
}

interface RowProps<Row> extends Place {
  readonly row: Row;
  readonly board: Board<Row> | undefined;
  readonly placed: readonly Placed<Row>[];
  readonly cellRole: "cell" | "gridcell";
  readonly opens: boolean;
  readonly toneOf: ((row: Row) => Tone | undefined) | undefined;
  /** Undefined where rows cannot be selected. */
  readonly isSelected: boolean | undefined;
  readonly nameOf: (row: Row) => string;
}

function RowOf<Row>({ row: given, board, placed, cellRole, ...line }: RowProps<Row>) {
  const row = useNewest(board, line.lineKey) ?? given;
  const tabIndex = line.tabIndex ?? 0;
  return (
    <div
      role="row"
      aria-rowindex={line.index}
      aria-level={line.level}
      aria-selected={line.isSelected}
      className={classes.row}
      style={{
        gridTemplateColumns: line.tracks,
        height: line.height,
        transform: `translateY(${line.start}px)`,
      }}
      data-key={line.lineKey}
      data-opens={line.opens}
      data-tone={line.toneOf?.(row)}
      tabIndex={line.tabIndex}
    >
      {line.isSelected !== undefined && (
        <div role={cellRole} className={classes.cell}>
          <input
            type="checkbox"
            className={classes.check}
            aria-label={`Select ${line.nameOf(row)}`}
            checked={line.isSelected}
            readOnly
            tabIndex={-1}
            data-selects
          />
        </div>
      )}
      {placed.map(({ column, beneath }) => (
        <div key={column.id} role={cellRole} className={classes.cell} data-figure={column.isFigure}>
          {beneath.length === 0 ? (
            (column.cell?.(row, tabIndex) ?? column.value(row))
          ) : (
            <>
              <div className={classes.upper}>
                {column.cell?.(row, tabIndex) ?? column.value(row)}
              </div>
              <div className={classes.lower}>
                {beneath.map((each) => (
                  <span key={each.id}>{each.cell?.(row, tabIndex) ?? each.value(row)}</span>
                ))}
              </div>
            </>
          )}
        </div>
      ))}
    </div>
  );
}

// `memo` forgets what its component is generic in.
export const RowView = memo(RowOf) as unknown as typeof RowOf;

interface GroupProps<Row> extends Place {
  readonly group: GroupLine<Row>;
  readonly placed: readonly Placed<Row>[];
  readonly hasChecks: boolean;
}

function GroupOf<Row>({ group, placed, hasChecks, ...line }: GroupProps<Row>) {
  const Chevron = group.isOpen ? IconChevronDown : IconChevronRight;
  const firstTotal = placed.findIndex(({ column }) => column.total !== undefined);
  const named = firstTotal < 1 ? placed.length : firstTotal;
  return (
    <div
      role="row"
      aria-rowindex={line.index}
      aria-level={group.level}
      aria-expanded={group.isOpen}
      className={classes.group}
      style={{
        gridTemplateColumns: line.tracks,
        height: line.height,
        transform: `translateY(${line.start}px)`,
      }}
      data-key={line.lineKey}
      tabIndex={line.tabIndex}
    >
      <div
        role="gridcell"
        className={classes.cell}
        style={{
          gridColumn: `span ${named + (hasChecks ? 1 : 0)}`,
          paddingInlineStart: `${group.level * 0.6}rem`,
        }}
      >
        <Chevron size={14} aria-hidden className={classes.chevron} />
        <span className={classes.kind}>{group.column.header}</span> {group.name}{" "}
        <span className={classes.count}>{group.rows.length}</span>
      </div>
      {placed.slice(named).map(({ column }) => (
        <div key={column.id} role="gridcell" className={classes.cell} data-figure={column.isFigure}>
          {column.total?.(group.rows)}
        </div>
      ))}
    </div>
  );
}

export const GroupView = memo(GroupOf) as unknown as typeof GroupOf;

/** The row as the board has it now; undefined where there is no board. */
function useNewest<Row>(board: Board<Row> | undefined, key: string): Row | undefined {
  const watch = useCallback(
    (tell: () => void) => board?.watchRow(key, tell) ?? (() => undefined),
    [board, key],
  );
  return useSyncExternalStore(watch, () => board?.get(key));
}
