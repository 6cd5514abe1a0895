import { Group, Paper, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";

import { TimeChart } from "../chart/TimeChart.tsx";
import { useProfits } from "../desk/hooks.ts";
import { Page } from "../shell/Page.tsx";
import { formatAmount, formatMoney, formatTime } from "../words/format.ts";
import { AccountTable } from "./AccountTable.tsx";
import { Bars } from "./Bars.tsx";
import { PointTable } from "./PointTable.tsx";
import { currenciesOf, linesOf, type Measure, summaryOf, totalsOf } from "./series.ts";
import { Totals } from "./Totals.tsx";

const MEASURES = [
  { value: "totalPnl", label: "Total" },
  { value: "unrealizedPnl", label: "Unrealized" },
  { value: "realizedPnl", label: "Realized" },
  { value: "equity", label: "Equity" },
] satisfies readonly { readonly value: Measure; readonly label: string }[];

/** What the positions earn and cost, since this page was opened. */
export function ProfitView() {
  const profits = useProfits();
  const [chosen, setChosen] = useState<string>();
  const [measure, setMeasure] = useState<Measure>("totalPnl");
  const [form, setForm] = useState<"chart" | "table">("chart");
  const newest = profits.at(-1)?.accounts;
  const currencies = useMemo(() => currenciesOf(profits), [profits]);
  const currency = chosen ?? currencies[0] ?? "";
  const lines = useMemo(() => linesOf(profits, currency, measure), [profits, currency, measure]);
  const format = measure === "equity" ? formatAmount : formatMoney;
  const name = MEASURES.find(({ value }) => value === measure)?.label ?? "";
  const what = measure === "equity" ? `Equity in ${currency}` : `${name} profit in ${currency}`;
  if (newest === undefined) {
    return (
      <Page title="Profit">
        <Text c="dimmed">Waiting for the first figures…</Text>
      </Page>
    );
  }
  return (
    <Page title="Profit">
      <Totals totals={totalsOf(newest)} />
      <Paper withBorder p="md">
        <Stack gap="sm">
          <Group justify="space-between">
            <Group gap="sm">
              {currencies.length > 1 && (
                <SegmentedControl
                  aria-label="Currency"
                  size="xs"
                  data={[...currencies]}
                  value={currency}
                  onChange={setChosen}
                />
              )}
              <SegmentedControl
                aria-label="Measure"
                size="xs"
                data={MEASURES}
                value={measure}
                onChange={setMeasure}
              />
            </Group>
            <FormControl form={form} onChange={setForm} />
          </Group>
          {form === "chart" ? (
            <TimeChart
              times={lines.times}
              lines={lines.lines}
              format={format}
              summary={summaryOf(lines, what, format, formatTime)}
            />
          ) : (
            <PointTable label={`${what}, second by second`} lines={lines} format={format} />
          )}
        </Stack>
      </Paper>
      <AccountTable lines={newest} />
      <Bars />
    </Page>
  );
}

interface FormControlProps {
  readonly form: "chart" | "table";
  readonly onChange: (form: "chart" | "table") => void;
}

function FormControl({ form, onChange }: FormControlProps) {
  return (
    <SegmentedControl
      aria-label="Shown as"
      size="xs"
      data={[
        { value: "chart", label: "Chart" },
        { value: "table", label: "Table" },
      ]}
      value={form}
      onChange={onChange}
    />
  );
}
