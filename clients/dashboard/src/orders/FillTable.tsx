import type { ExecutionItem } from "rpcclient";

import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatMoney, formatPrice, formatTime } from "../words/format.ts";

interface FillTableProps {
  readonly fills: readonly ExecutionItem[];
  /** Whether they were ever told. */
  readonly isRead: boolean;
  readonly onOpen: (fill: ExecutionItem) => void;
}

const COLUMNS: readonly Column<ExecutionItem>[] = [
  {
    id: "time",
    header: "Time",
    value: (fill) => Date.parse(fill.at),
    cell: (fill) => formatTime(fill.at),
    under: "side",
  },
  { id: "account", header: "Account", value: (fill) => fill.account, under: "instrument" },
  { id: "instrument", header: "Instrument", value: (fill) => fill.instrument, grow: 1.8 },
  { id: "side", header: "Side", value: (fill) => fill.side, width: "3rem" },
  {
    id: "quantity",
    header: "Quantity",
    value: (fill) => Number(fill.quantity),
    cell: (fill) => fill.quantity,
    isFigure: true,
  },
  {
    id: "price",
    header: "Price",
    value: (fill) => Number(fill.price),
    cell: (fill) => formatPrice(Number(fill.price)),
    isFigure: true,
    under: "quantity",
  },
  {
    id: "realized",
    header: "Realized",
    value: (fill) => Number(fill.realizedPnl),
    cell: (fill) => formatMoney(Number(fill.realizedPnl)),
    isFigure: true,
  },
  {
    id: "fee",
    header: "Fee",
    value: (fill) => Number(fill.fee),
    cell: (fill) => `${fill.fee} ${fill.feeCurrency}`,
    isFigure: true,
    under: "realized",
  },
  { id: "tag", header: "Tag", value: (fill) => fill.tag ?? "", isExtra: true },
];

/** Every fill, whoever caused it. */
export function FillTable({ fills, isRead, onOpen }: FillTableProps) {
  return (
    <DataTable
      label="Fills"
      rows={fills}
      columns={COLUMNS}
      keyOf={(fill) => `${fill.venue}:${fill.tradeId}`}
      empty={isRead ? "No fills yet." : "Reading every account…"}
      onOpen={onOpen}
      sort={{ id: "time", desc: true }}
      hasFilter
    />
  );
}
