import { useId } from "react";

import { useNow, useStory } from "../desk/hooks.ts";
import type { OpenLegs, Story } from "../desk/story.ts";
import { formatCount, formatDuration } from "../words/format.ts";
import classes from "./operations.module.css";

const WIDTH = 600;
const HEIGHT = 84;
const POINTS_MAX = 400; // more than there are pixels to show them

interface TimeToFlatProps {
  readonly story: Story;
}

/** How many legs are open, over time: a line on its way to zero, and the same in words. */
export function TimeToFlat({ story }: TimeToFlatProps) {
  useStory(story);
  const title = useId();
  const now = useNow(story.isOver ? 60_000 : 250);
  const { openLegs, frames } = story;
  const first = frames[0];
  if (first === undefined) return null;
  const from = Date.parse(first.at);
  const last = Date.parse(frames.at(-1)?.at ?? first.at);
  const to = Math.max(story.isOver ? last : Math.max(last, now), from + 1);
  const most = Math.max(1, ...openLegs.map(({ open }) => open));
  const x = (at: number) => ((at - from) / (to - from)) * WIDTH;
  const y = (open: number) => HEIGHT - (open / most) * (HEIGHT - 4);
  const line = pathOf(openLegs, x, y, to);
  return (
    <figure className={classes.chart}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-labelledby={title}
      >
        <title id={title}>{tellOpen(openLegs, from, to)}</title>
        <path className={classes.chartArea} d={`${line} L ${WIDTH} ${HEIGHT} L 0 ${HEIGHT} Z`} />
        <path className={classes.chartLine} d={line} />
      </svg>
      <figcaption>
        <span>
          Open legs: {formatCount(openLegs.at(-1)?.open ?? 0)} of at most {formatCount(most)}
        </span>
        <span>{formatDuration(to - from)}</span>
      </figcaption>
    </figure>
  );
}

function pathOf(
  points: readonly OpenLegs[],
  x: (at: number) => number,
  y: (open: number) => number,
  to: number,
): string {
  const step = Math.max(1, Math.ceil(points.length / POINTS_MAX));
  const shown = points.filter((_, index) => index % step === 0 || index === points.length - 1);
  const parts: string[] = [];
  let before: number | undefined;
  for (const { at, open } of shown) {
    if (before === undefined) parts.push(`M 0 ${y(open).toFixed(1)}`);
    else
      parts.push(
        `L ${x(at).toFixed(1)} ${y(before).toFixed(1)} L ${x(at).toFixed(1)} ${y(open).toFixed(1)}`,
      );
    before = open;
  }
  parts.push(`L ${x(to).toFixed(1)} ${y(before ?? 0).toFixed(1)}`);
  return parts.join(" ");
}

/** The chart for who cannot see it: where it begins, where it is halved, where it ends. */
export function tellOpen(points: readonly OpenLegs[], from: number, to: number): string {
  const most = Math.max(0, ...points.map(({ open }) => open));
  const peak = points.find(({ open }) => open === most);
  const half = points.find(({ at, open }) => at >= (peak?.at ?? from) && open <= most / 2);
  const last = points.at(-1)?.open ?? 0;
  const told = [`At most ${most} legs were open`];
  if (half !== undefined && most > 1)
    told.push(`half of them after ${formatDuration(half.at - from)}`);
  told.push(`${last} after ${formatDuration(to - from)}`);
  return `${told.join(", ")}.`;
}
