import { Group, Paper, Text } from "@mantine/core";

import { formatAmount, formatMoney } from "../words/format.ts";
import classes from "./Profit.module.css";
import type { Total } from "./series.ts";

/** One line a currency: they are never added up. */
export function Totals({ totals }: { readonly totals: readonly Total[] }) {
  return (
    <Group gap="md" align="stretch">
      {totals.map((total) => (
        <Paper
          key={total.currency}
          withBorder
          p="sm"
          className={classes.total}
          role="group"
          aria-label={`All accounts in ${total.currency}`}
        >
          <Text size="sm" c="dimmed">
            {total.currency}
          </Text>
          <Text className={classes.main} data-sign={signOf(total.totalPnl)}>
            {formatMoney(total.totalPnl)}
          </Text>
          <dl className={classes.parts}>
            <Part name="Unrealized" value={formatMoney(total.unrealizedPnl)} />
            <Part name="Realized" value={formatMoney(total.realizedPnl)} />
            <Part name="Fees" value={formatAmount(total.fees)} />
            <Part name="Equity" value={formatAmount(total.equity)} />
          </dl>
        </Paper>
      ))}
    </Group>
  );
}

function Part({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function signOf(value: number | undefined): "loss" | "gain" | undefined {
  if (value === undefined || Math.abs(value) < 0.005) return undefined;
  return value < 0 ? "loss" : "gain";
}
