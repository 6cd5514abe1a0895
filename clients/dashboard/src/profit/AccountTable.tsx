import type { PnlLine, WatermarkAnswer } from "rpcclient";
import { useMemo } from "react";

import { useAnswer } from "../desk/hooks.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatAmount, formatMoney, formatTime } from "../words/format.ts";
import { nameOf } from "./series.ts";

const ASK_EVERY_MS = 5_000;

interface Row extends PnlLine {
  readonly mark: WatermarkAnswer | undefined;
}

type Format = (value: number | undefined) => string;

/** A figure of an account that is not connected is not known. */
function figure(
  id: string,
  header: string,
  of: (row: Row) => number | undefined,
  { format = formatMoney, ...more }: Partial<Column<Row>> & { readonly format?: Format } = {},
): Column<Row> {
  const value = (row: Row) => (row.connected ? of(row) : undefined);
  return { id, header, value, cell: (row) => format(value(row)), isFigure: true, ...more };
}

function mark(
  id: string,
  header: string,
  of: (mark: WatermarkAnswer) => number,
  at?: (mark: WatermarkAnswer) => string,
): Column<Row> {
  return {
    id,
    header,
    value: (row) => row.mark && of(row.mark),
    cell: (row) => (
      <span title={row.mark && at && `At ${formatTime(at(row.mark))}`}>
        {formatAmount(row.mark && of(row.mark))}
      </span>
    ),
    isFigure: true,
    isExtra: true,
    width: "8rem",
  };
}

const COLUMNS: readonly Column<Row>[] = [
  { id: "account", header: "Account", value: (row) => row.account, grow: 1.2 },
  { id: "venue", header: "Venue", value: (row) => row.venue, isExtra: true },
  {
    id: "currency",
    header: "Currency",
    value: (row) => row.currency,
    cell: (row) => (row.connected ? row.currency : `${row.currency}, not connected`),
    under: "account",
  },
  figure("total", "Total", (row) => row.totalPnl, { width: "6.5rem" }),
  figure("unrealized", "Unrealized", (row) => row.unrealizedPnl, {
    under: "total",
    width: "6.5rem",
  }),
  figure("realized", "Realized", (row) => row.realizedPnl, { isExtra: true, width: "6.5rem" }),
  figure("fees", "Fees", (row) => row.fees, { format: formatAmount, isExtra: true }),
  figure("equity", "Equity", (row) => row.equity, { format: formatAmount, width: "8rem" }),
  mark(
    "high",
    "Highest",
    (each) => each.highWatermark,
    (each) => each.highWatermarkAt,
  ),
  mark(
    "low",
    "Lowest",
    (each) => each.lowWatermark,
    (each) => each.lowWatermarkAt,
  ),
  mark("drawdown", "Fallen by", (each) => each.drawdown),
];

/** Every account now, beside the highest and the lowest equity that the server has seen. */
export function AccountTable({ lines }: { readonly lines: readonly PnlLine[] }) {
  const { answer } = useAnswer("GetWatermarks", {}, { everyMs: ASK_EVERY_MS });
  const rows = useMemo(() => {
    const marks = new Map(answer?.watermarks.map((each) => [nameOf(each), each]));
    return lines.map((line) => ({ ...line, mark: marks.get(nameOf(line)) }));
  }, [lines, answer]);
  return (
    <DataTable
      label="Accounts"
      rows={rows}
      columns={COLUMNS}
      keyOf={nameOf}
      empty="No account."
      sort={{ id: "account", desc: false }}
    />
  );
}
