import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatTime } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import { sayWhy } from "../words/advice.ts";
import { type LegRow, rankOf } from "./legs.ts";

interface LegsTableProps {
  readonly rows: readonly LegRow[];
  readonly onOpen: (row: LegRow) => void;
}

function figure(id: string, header: string, of: (row: LegRow) => string | undefined) {
  return {
    id,
    header,
    value: (row: LegRow) => {
      const text = of(row);
      return text === undefined ? undefined : Number(text);
    },
    cell: (row: LegRow) => of(row) ?? "–",
    isFigure: true,
  };
}

const COLUMNS: readonly Column<LegRow>[] = [
  { ...figure("leg", "Leg", (row) => String(row.leg)), width: "3.5rem", grow: 0.5 },
  {
    id: "instrument",
    header: "Instrument",
    value: (row) => row.instrument,
    grow: 2.5,
    width: "8rem",
  },
  { id: "account", header: "Account", value: (row) => row.account, grow: 1.5, under: "instrument" },
  { id: "side", header: "Side", value: (row) => row.side, isExtra: true },
  figure("quantity", "Held", (row) => row.quantity),
  { ...figure("target", "Target", (row) => row.target), isExtra: true },
  figure("remaining", "Left", (row) => row.remaining),
  { ...figure("average", "Average", (row) => row.averagePrice), grow: 1.5, isExtra: true },
  {
    id: "outcome",
    header: "Outcome",
    value: (row) => row.outcome ?? row.state,
    cell: (row) => (row.outcome === undefined ? row.state : <OutcomeBadge outcome={row.outcome} />),
    grow: 2,
    width: "8rem",
  },
  { id: "why", header: "Why", value: sayWhy, grow: 3, isExtra: true },
  {
    id: "proven",
    header: "Proven",
    value: (row) => row.provenAt,
    cell: (row) => formatTime(row.provenAt),
    isExtra: true,
    width: "5.5rem",
  },
];

/** Every leg with what became of it; what failed stands first. */
export function LegsTable({ rows, onOpen }: LegsTableProps) {
  return (
    <DataTable
      label="Legs"
      rows={rows}
      columns={COLUMNS}
      keyOf={(row) => String(row.leg)}
      empty="No leg is known yet."
      sort={{ id: "leg", desc: false }}
      rankOf={rankOf}
      toneOf={(row) => (row.isTroubled ? "bad" : undefined)}
      onOpen={onOpen}
      {...(rows.length > 16 ? { height: "60dvh" } : {})}
      hasFilter={rows.length > 10}
    />
  );
}
