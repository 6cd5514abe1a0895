import { Group, Paper, SegmentedControl, Select, Stack, Text, Title } from "@mantine/core";
import type { BarAnswer } from "rpcclient";
import { useMemo, useState } from "react";

import { TimeChart } from "../chart/TimeChart.tsx";
import { explain, useAnswer, useDesk } from "../desk/hooks.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatPrice, formatTime } from "../words/format.ts";

const ASK_EVERY_MS = 15_000;
const BARS_MAX = 480;

const price = (id: string, header: string, of: (bar: BarAnswer) => number): Column<BarAnswer> => ({
  id,
  header,
  value: of,
  cell: (bar) => formatPrice(of(bar)),
  isFigure: true,
});

const COLUMNS: readonly Column<BarAnswer>[] = [
  {
    id: "time",
    header: "From",
    value: (bar) => bar.epoch,
    cell: (bar) => formatTime(bar.epoch),
  },
  price("open", "Open", (bar) => bar.open),
  price("high", "High", (bar) => bar.high),
  price("low", "Low", (bar) => bar.low),
  price("close", "Close", (bar) => bar.close),
];

/** What a market did while the server looked at it. */
export function Bars() {
  const { positions } = useDesk();
  const held = positions.instruments;
  const [chosen, setChosen] = useState<string | null>(null);
  const [period, setPeriod] = useState("1");
  const [form, setForm] = useState("chart");
  const instrument = chosen ?? held[0];
  return (
    <Paper withBorder p="md" component="section" aria-label="Market">
      <Stack gap="sm">
        <Group justify="space-between">
          <Group gap="sm">
            <Title order={2} size="h5">
              Market
            </Title>
            <Select
              aria-label="Instrument"
              size="xs"
              data={[...held]}
              value={instrument ?? null}
              searchable
              limit={50}
              allowDeselect={false}
              onChange={setChosen}
            />
            <SegmentedControl
              aria-label="Minutes in a bar"
              size="xs"
              data={["1", "5", "15", "60"].map((value) => ({ value, label: `${value} min` }))}
              value={period}
              onChange={setPeriod}
            />
          </Group>
          <SegmentedControl
            aria-label="Market shown as"
            size="xs"
            data={[
              { value: "chart", label: "Chart" },
              { value: "table", label: "Table" },
            ]}
            value={form}
            onChange={setForm}
          />
        </Group>
        {instrument === undefined ? (
          <Text c="dimmed">Nothing is held.</Text>
        ) : (
          <BarsOf instrument={instrument} period={Number(period)} isTable={form === "table"} />
        )}
      </Stack>
    </Paper>
  );
}

interface BarsOfProps {
  readonly instrument: string;
  /** In minutes. */
  readonly period: number;
  readonly isTable: boolean;
}

function BarsOf({ instrument, period, isTable }: BarsOfProps) {
  const { answer, error } = useAnswer(
    "GetBars",
    { instrument, period, limit: BARS_MAX },
    { everyMs: ASK_EVERY_MS },
  );
  const bars = answer?.instrument === instrument ? answer.bars : undefined;
  const times = useMemo(() => bars?.map(({ epoch }) => epoch / 1000) ?? [], [bars]);
  const lines = useMemo(
    () => [
      { label: "Close", values: bars?.map(({ close }) => close) ?? [], isMain: true },
      { label: "High", values: bars?.map(({ high }) => high) ?? [] },
      { label: "Low", values: bars?.map(({ low }) => low) ?? [] },
    ],
    [bars],
  );
  if (error !== undefined) return <Text c="dimmed">No bars: {explain(error)}</Text>;
  if (bars === undefined) return <Text c="dimmed">Reading…</Text>;
  if (isTable) {
    return (
      <DataTable
        label={`Bars of ${instrument}`}
        rows={bars}
        columns={COLUMNS}
        keyOf={({ epoch }) => String(epoch)}
        empty="No quote was heard yet."
        sort={{ id: "time", desc: true }}
        height="280px"
      />
    );
  }
  return (
    <TimeChart
      times={times}
      lines={lines}
      hasBand
      height={220}
      format={formatPrice}
      summary={summaryOf(instrument, bars, answer?.since ?? undefined)}
    />
  );
}

function summaryOf(instrument: string, bars: readonly BarAnswer[], since?: string): string {
  const last = bars.at(-1);
  const from = since === undefined ? "" : ` The server knows of it since ${formatTime(since)}.`;
  if (last === undefined) return `${instrument}: no quote was heard yet.${from}`;
  const high = Math.max(...bars.map((bar) => bar.high));
  const low = Math.min(...bars.map((bar) => bar.low));
  return `${instrument}: ${formatPrice(last.close)}; highest ${formatPrice(high)}, lowest ${formatPrice(low)} of ${bars.length} ${bars.length === 1 ? "bar" : "bars"}.${from}`;
}
