import { useMemo } from "react";

import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatTime } from "../words/format.ts";
import type { Lines } from "./series.ts";

interface PointTableProps {
  readonly label: string;
  readonly lines: Lines;
  readonly format: (value: number | undefined) => string;
}

interface Point {
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly values: readonly (number | null)[];
}

/** The points of a chart, for those who read them. */
export function PointTable({ label, lines: { times, lines }, format }: PointTableProps) {
  const names = lines.map((line) => line.label).join("\n");
  const columns = useMemo(
    (): readonly Column<Point>[] => [
      {
        id: "time",
        header: "Time",
        value: ({ at }) => at,
        cell: ({ at }) => formatTime(at),
      },
      ...names.split("\n").map((name, index) => ({
        id: name,
        header: name,
        value: ({ values }: Point) => values[index] ?? undefined,
        cell: ({ values }: Point) => format(values[index] ?? undefined),
        isFigure: true,
        isExtra: index > 1,
        width: "7rem",
      })),
    ],
    [names, format],
  );
  const points = useMemo(
    () =>
      times.map((time, index) => ({
        at: time * 1000,
        values: lines.map(({ values }) => values[index] ?? null),
      })),
    [times, lines],
  );
  return (
    <DataTable
      label={label}
      rows={points}
      columns={columns}
      keyOf={({ at }) => String(at)}
      empty="Nothing is known yet."
      sort={{ id: "time", desc: true }}
      height="320px"
    />
  );
}
