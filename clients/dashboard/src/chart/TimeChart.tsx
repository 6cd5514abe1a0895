import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { formatTime } from "../words/format.ts";
import classes from "./TimeChart.module.css";

/** One line of a chart; null where nothing is known. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** The one that counts: drawn strong. */
  readonly isMain?: boolean;
}

interface TimeChartProps {
  /** What it shows, in words, for those who do not see it. */
  readonly summary: string;
  /** In seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** Shade what is between the second and the third line. */
  readonly hasBand?: boolean;
  readonly format: (value: number | undefined) => string;
  /** In pixels. */
  readonly height?: number;
}

/** Lines are told apart by their dashes, too. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5]];
const HUES = ["blue", "orange", "grape", "teal", "pink", "lime", "indigo", "red"] as const;
const AXIS_WIDTH = 84; // pixels
const TICK_WIDTH = 90;
/** Seconds between two ticks of the time axis. */
const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];
const SPAN_LEAST = 10; // seconds that the time axis shows at least

/** Lines over time. Where nothing is known there is a gap, and nothing is made up. */
export function TimeChart({
  summary,
  times,
  lines,
  hasBand = false,
  format,
  height = 280,
}: TimeChartProps) {
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useComputedColorScheme("light");
  const kinds = JSON.stringify(lines.map(({ label, isMain = false }) => ({ label, isMain })));
  const isSized = width > 0;
  useEffect(() => {
    if (host.current === null || !isSized) return;
    const options = optionsOf(
      JSON.parse(kinds) as readonly Kind[],
      { isDark: scheme === "dark", hasBand, format },
      { width: host.current.clientWidth, height },
    );
    const made = new uPlot(options, [[], ...(JSON.parse(kinds) as []).map(() => [])], host.current);
    plot.current = made;
    return () => {
      made.destroy();
    };
  }, [kinds, scheme, hasBand, format, height, isSized]);
  useEffect(() => {
    plot.current?.setSize({ width, height });
  }, [width, height]);
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map(({ values }) => [...values])]);
  }, [times, lines, kinds, scheme, hasBand, isSized]);
  return (
    <figure className={classes.figure} ref={ref}>
      <div ref={host} aria-hidden />
      <figcaption className={classes.summary}>{summary}</figcaption>
    </figure>
  );
}

type Kind = Pick<Line, "label"> & { readonly isMain: boolean };

interface Look {
  readonly isDark: boolean;
  readonly hasBand: boolean;
  readonly format: (value: number | undefined) => string;
}

function optionsOf(
  kinds: readonly Kind[],
  { isDark, hasBand, format }: Look,
  size: { readonly width: number; readonly height: number },
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--mantine-color-${name}`);
  const quiet = color("dimmed");
  const grid = { stroke: color(isDark ? "dark-4" : "gray-2"), width: 1 };
  const axis = { stroke: quiet, grid, ticks: grid };
  const text = color("text");
  const shade = isDark ? 4 : 7;
  return {
    ...size,
    padding: [12, 8, 0, 0],
    scales: { x: { range: (_, from, to) => [Math.min(from, to - SPAN_LEAST), to] } },
    axes: [
      {
        ...axis,
        space: TICK_WIDTH,
        incrs: STEPS,
        values: (_, splits) => splits.map((at) => formatTime(at * 1000)),
      },
      { ...axis, size: AXIS_WIDTH, values: (_, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {
        value: (_, at: number | null) =>
          at === null ? "–" : new Date(at * 1000).toLocaleTimeString("en-GB"),
      },
      ...kinds.map(({ label, isMain }, index) => ({
        label,
        stroke: isMain ? text : color(`${HUES[index % HUES.length] ?? "blue"}-${shade}`),
        width: isMain ? 2 : 1.25,
        dash: [...(isMain ? [] : (DASHES[index % DASHES.length] ?? []))],
        points: { show: (drawn: uPlot) => drawn.data[0].length === 1 },
        spanGaps: false,
        value: (_: uPlot, value: number | null) => format(value ?? undefined),
      })),
    ],
    ...(hasBand ? { bands: [{ series: [2, 3], fill: color(isDark ? "dark-5" : "gray-1") }] } : {}),
    cursor: { drag: { x: false, y: false } },
    legend: { live: true },
  };
}
