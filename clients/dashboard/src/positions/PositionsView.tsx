import { useDesk, useRows } from "../desk/hooks.ts";
import type { PositionRow } from "../desk/positions.ts";
import { Page } from "../shell/Page.tsx";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatMoney, formatPrice } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";

const COLUMNS: readonly Column<PositionRow>[] = [
  { id: "venue", header: "Venue", value: (row) => row.venue },
  { id: "account", header: "Account", value: (row) => row.account },
  { id: "instrument", header: "Instrument", value: (row) => row.instrument, grow: 2 },
  { id: "side", header: "Side", value: (row) => row.side },
  {
    id: "quantity",
    header: "Quantity",
    value: (row) => Number(row.quantity),
    cell: (row) => row.quantity,
    isFigure: true,
  },
  {
    id: "average",
    header: "Average",
    value: (row) => row.averagePrice,
    cell: (row) => formatPrice(row.averagePrice),
    isFigure: true,
  },
  {
    id: "market",
    header: "Market",
    value: (row) => row.marketPrice,
    cell: (row) => formatPrice(row.marketPrice),
    isFigure: true,
  },
  {
    id: "profit",
    header: "P&L",
    value: (row) => row.profit,
    cell: (row) => formatMoney(row.profit),
    isFigure: true,
  },
  {
    id: "exit",
    header: "Exit",
    value: (row) => row.exit?.outcome ?? (row.exit === undefined ? "" : "closing"),
    cell: ({ exit }) => {
      if (exit === undefined) return "";
      return exit.outcome === undefined ? "closing…" : <OutcomeBadge outcome={exit.outcome} />;
    },
  },
];

/** What is held, everywhere that the token may look. */
export function PositionsView() {
  const rows = useRows(useDesk().positions.board);
  return (
    <Page title="Positions">
      <DataTable
        label="Positions"
        rows={rows}
        columns={COLUMNS}
        keyOf={(row) => row.positionId}
        empty="Nothing is held."
        sort={{ id: "instrument", desc: false }}
      />
    </Page>
  );
}
