/** The columns of the exit log. */
import { Badge, Group, Text } from "@mantine/core";
import type { ExitAnswer } from "rpcclient";

import type { Column } from "../table/DataTable.tsx";
import { formatDateTime, formatPrice } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";

/** *fresh* says which lines came after the first look. */
export function columnsOf(fresh: ReadonlySet<number>): readonly Column<ExitAnswer>[] {
  return [
    {
      id: "at",
      header: "Time",
      value: (row) => row.auditSeq,
      cell: (row) => (
        <Group gap={6} wrap="nowrap">
          <Text span inherit visibleFrom="sm">
            {formatDateTime(row.at)}
          </Text>
          <Text span inherit hiddenFrom="sm">
            {shortly(row.at)}
          </Text>
          {fresh.has(row.auditSeq) && (
            <Badge size="xs" variant="filled">
              new
            </Badge>
          )}
        </Group>
      ),
      width: "11.5rem",
      grow: 4,
    },
    { id: "user", header: "User", value: (row) => row.user, under: "at" },
    { id: "account", header: "Account", value: (row) => row.account, width: "5rem", isExtra: true },
    {
      id: "instrument",
      header: "Instrument",
      value: (row) => row.instrument,
      width: "7rem",
      grow: 3,
    },
    { id: "side", header: "Side", value: (row) => row.side ?? "–", under: "instrument" },
    {
      id: "quantity",
      header: "Quantity",
      value: (row) => Number(row.quantity),
      cell: (row) =>
        row.closed === row.quantity ? row.quantity : `${row.closed} of ${row.quantity}`,
      isFigure: true,
      width: "5.5rem",
      grow: 2,
    },
    {
      id: "price",
      header: "Price",
      value: (row) => priceOf(row),
      cell: (row) => formatPrice(priceOf(row)),
      isFigure: true,
      width: "6rem",
      under: "quantity",
    },
    {
      id: "outcome",
      header: "Outcome",
      value: (row) => row.outcome,
      cell: (row) => <OutcomeBadge outcome={row.outcome} />,
      width: "7.5rem",
      grow: 3,
    },
    {
      id: "why",
      header: "Why",
      value: (row) => row.why.replaceAll("_", " "),
      isExtra: true,
      width: "5rem",
    },
    {
      id: "strategy",
      header: "Strategy",
      value: (row) => row.strategy ?? "",
      isExtra: true,
      width: "5rem",
    },
    {
      id: "reason",
      header: "Reason",
      value: (row) => row.reason,
      grow: 2,
      isExtra: true,
      width: "7rem",
    },
    { id: "remote", header: "From", value: (row) => row.remote, isExtra: true, width: "8.5rem" },
  ];
}

/** `21 Nov 15:04`, where there is no room for more. */
function shortly(at: string): string {
  const format = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;
  return new Date(at).toLocaleString("en-GB", format).replace(",", "");
}

function priceOf({ averagePrice }: ExitAnswer): number | undefined {
  return averagePrice === null ? undefined : Number(averagePrice);
}
