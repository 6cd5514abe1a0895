import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";

import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import type { LegRow } from "./legs.ts";
import classes from "./operations.module.css";

const ROW_HEIGHT = 54;
const ROWS_SHOWN = 8;

interface LegBarsProps {
  readonly rows: readonly LegRow[];
}

/** Each position on its way to its target; only those in sight are drawn. */
export function LegBars({ rows }: LegBarsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.leg ?? index,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
    initialRect: { width: 600, height: ROWS_SHOWN * ROW_HEIGHT },
  });
  return (
    <div
      ref={scroller}
      className={classes.bars}
      style={{ maxHeight: ROWS_SHOWN * ROW_HEIGHT }}
      role="list"
      aria-label="Legs"
      tabIndex={0}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={item.key}
              role="listitem"
              aria-posinset={item.index + 1}
              aria-setsize={rows.length}
              className={classes.bar}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              data-tone={toneOf(row)}
            >
              <div className={classes.barName}>
                <b>{row.instrument}</b>{" "}
                <span>
                  {row.account} {row.side}
                </span>
              </div>
              <div className={classes.barTrack} aria-hidden>
                <div className={classes.barFill} style={{ transform: `scaleX(${row.share})` }} />
              </div>
              <div className={classes.barState}>
                {row.outcome === undefined ? row.state : <OutcomeBadge outcome={row.outcome} />}
              </div>
              <div className={classes.barFigures}>{figuresOf(row)}</div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function figuresOf(row: LegRow): string {
  const { quantity, remaining, filled, averagePrice, outcome } = row;
  const told: string[] = [];
  if (outcome === undefined && filled !== undefined) told.push(`filled ${filled}`);
  else if (quantity !== undefined && remaining !== undefined) {
    told.push(`${remaining} left of ${quantity}`);
  } else if (quantity !== undefined) told.push(quantity);
  if (averagePrice !== undefined) told.push(`at ${averagePrice}`);
  return told.join(" ");
}

export function toneOf(row: LegRow): "bad" | "done" | "open" {
  if (row.isTroubled) return "bad";
  return row.outcome === undefined ? "open" : "done";
}
