import { Group, SegmentedControl, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";

import { useNow } from "../desk/hooks.ts";
import { type LegSpans, sayKind, type SpanKind, spansOf, tellLeg } from "../desk/spans.ts";
import type { LegStory, Story } from "../desk/story.ts";
import { formatDuration } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import classes from "./Gantt.module.css";
import type { LegRow } from "./legs.ts";

const ROW_HEIGHT = 36;
const ROWS_SHOWN = 14;
const TICKS = 5;
const KINDS: readonly SpanKind[] = ["cancel", "fence", "send", "rest", "fill", "unknown", "verify"];

interface GanttProps {
  readonly rows: readonly LegRow[];
  readonly story: Story;
  readonly opened: number | undefined;
  readonly onOpen: (row: LegRow) => void;
}

interface Axis {
  readonly from: number;
  readonly to: number;
}

/** What each leg spent its time on, on one axis of time; only the legs in sight are drawn. */
export function Gantt({ rows, story, opened, onOpen }: GanttProps) {
  const [isFailing, setFailing] = useState(false);
  const now = useNow(story.isOver ? 60_000 : 250);
  const failing = useMemo(() => rows.filter((row) => row.isTroubled), [rows]);
  const shown = isFailing ? failing : rows;
  const axis = axisOf(story, shown, isFailing, now);
  return (
    <figure className={classes.figure}>
      <Group justify="space-between" mb="xs">
        <SegmentedControl
          size="xs"
          aria-label="Legs shown"
          value={isFailing ? "failing" : "all"}
          onChange={(value) => {
            setFailing(value === "failing");
          }}
          data={[
            { value: "all", label: `All ${rows.length}` },
            { value: "failing", label: `Failing ${failing.length}` },
          ]}
        />
        <ul className={classes.legend} aria-label="What the bars mean">
          {KINDS.map((kind) => (
            <li key={kind}>
              <span className={classes.swatch} data-kind={kind} aria-hidden />
              {sayKind(kind)}
            </li>
          ))}
        </ul>
      </Group>
      <div className={classes.axis} aria-hidden>
        {Array.from({ length: TICKS + 1 }, (_, tick) => (
          <span key={tick} style={{ insetInlineStart: `${(tick / TICKS) * 100}%` }}>
            {formatDuration(((axis.to - axis.from) * tick) / TICKS)}
          </span>
        ))}
      </div>
      {shown.length === 0 ? (
        <Text c="dimmed" p="md" ta="center">
          {isFailing ? "No leg fails." : "No leg is known yet."}
        </Text>
      ) : (
        <Lanes
          key={isFailing ? "failing" : "all"}
          rows={shown}
          axis={axis}
          since={Date.parse(story.frames[0]?.at ?? "") || axis.from}
          opened={opened}
          onOpen={onOpen}
        />
      )}
    </figure>
  );
}

interface LanesProps {
  readonly rows: readonly LegRow[];
  readonly axis: Axis;
  readonly since: number;
  readonly opened: number | undefined;
  readonly onOpen: (row: LegRow) => void;
}

/** Walked through with the arrow keys; Enter opens a leg, and each is told in words. */
function Lanes({ rows, axis, since, opened, onOpen }: LanesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const [active, setActive] = useState(0);
  const at = Math.min(active, rows.length - 1);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.leg ?? index,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
    initialRect: { width: 900, height: ROWS_SHOWN * ROW_HEIGHT },
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[at];
    if (event.key === "Enter" || event.key === " ") {
      if (row !== undefined) onOpen(row);
      event.preventDefault();
      return;
    }
    const to = destinationOf(event.key, at, rows.length);
    if (to === undefined) return;
    event.preventDefault();
    setActive(to);
    virtual.scrollToIndex(to);
  };
  return (
    <div
      ref={scroller}
      className={classes.lanes}
      style={{ maxHeight: ROWS_SHOWN * ROW_HEIGHT }}
      role="listbox"
      aria-label="Timeline of legs"
      aria-activedescendant={`${id}-${rows[at]?.leg ?? 0}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={item.key}
              id={`${id}-${row.leg}`}
              role="option"
              aria-selected={row.leg === opened}
              aria-posinset={item.index + 1}
              aria-setsize={rows.length}
              aria-label={tellRow(row, since)}
              className={classes.lane}
              data-active={item.index === at}
              data-troubled={row.isTroubled}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
              onClick={() => {
                setActive(item.index);
                onOpen(row);
              }}
            >
              <div className={classes.name}>
                <b>{row.instrument}</b> <span>{row.account}</span>
              </div>
              <Track row={row} axis={axis} />
              <div className={classes.end}>
                {row.outcome === undefined ? row.state : <OutcomeBadge outcome={row.outcome} />}
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Track({ row, axis }: { readonly row: LegRow; readonly axis: Axis }) {
  if (row.story === undefined) return <div className={classes.track} />;
  const { spans, marks, to } = wovenOf(row.story);
  const x = (at: number) => `${((at - axis.from) / (axis.to - axis.from)) * 100}%`;
  return (
    <div className={classes.track}>
      {spans.map((span, index) => (
        <span
          key={index}
          className={classes.span}
          data-kind={span.kind}
          style={{
            insetInlineStart: x(span.from),
            width: `calc(${x(axis.from + (span.to ?? axis.to) - span.from)} + 2px)`,
          }}
        />
      ))}
      {marks.map((mark, index) => (
        <span
          key={index}
          className={classes.mark}
          data-event={mark.event}
          style={{ insetInlineStart: x(mark.at) }}
        />
      ))}
      {to !== undefined && <span className={classes.stop} style={{ insetInlineStart: x(to) }} />}
    </div>
  );
}

const WOVEN = new WeakMap<LegStory, LegSpans>();

/** A leg's story is a new one with each step: what was woven of it holds. */
function wovenOf(story: LegStory): LegSpans {
  const known = WOVEN.get(story) ?? spansOf(story.steps);
  WOVEN.set(story, known);
  return known;
}

function axisOf(story: Story, shown: readonly LegRow[], isNarrow: boolean, now: number): Axis {
  const first = Date.parse(story.frames[0]?.at ?? "");
  const last = Date.parse(story.frames.at(-1)?.at ?? "");
  const begin = Number.isNaN(first) ? 0 : first;
  const end = Math.max(Number.isNaN(last) ? 1 : last, story.isOver ? 0 : now);
  if (!isNarrow || shown.length === 0) return { from: begin, to: Math.max(end, begin + 1) };
  const woven = shown.flatMap((row) => (row.story === undefined ? [] : [wovenOf(row.story)]));
  const from = Math.min(end, ...woven.map((leg) => leg.from));
  const to = Math.max(from + 1, ...woven.map((leg) => leg.to ?? end));
  return { from, to };
}

function tellRow(row: LegRow, since: number): string {
  const told =
    row.story === undefined ? "nothing told yet" : tellLeg(row.story, since, formatDuration);
  return `Leg ${row.leg}: ${row.instrument}, ${row.account} ${row.side}: ${told}`;
}

function destinationOf(key: string, at: number, many: number): number | undefined {
  switch (key) {
    case "ArrowDown":
      return Math.min(many - 1, at + 1);
    case "ArrowUp":
      return Math.max(0, at - 1);
    case "PageDown":
      return Math.min(many - 1, at + ROWS_SHOWN);
    case "PageUp":
      return Math.max(0, at - ROWS_SHOWN);
    case "Home":
      return 0;
    case "End":
      return many - 1;
    default:
      return undefined;
  }
}
