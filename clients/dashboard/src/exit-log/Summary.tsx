import { Group, Text } from "@mantine/core";
import type { InstrumentSummary } from "rpcclient";

import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatCount, formatPrice } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";

const COLUMNS: readonly Column<InstrumentSummary>[] = [
  { id: "instrument", header: "Instrument", value: (row) => row.instrument, grow: 2 },
  {
    id: "exits",
    header: "Exits",
    value: (row) => row.exits,
    cell: (row) => formatCount(row.exits),
    isFigure: true,
  },
  {
    id: "closed",
    header: "Closed",
    value: (row) => Number(row.closed),
    cell: (row) => row.closed,
    isFigure: true,
  },
  {
    id: "price",
    header: "Average exit price",
    value: (row) => (row.averagePrice === null ? undefined : Number(row.averagePrice)),
    cell: (row) => formatPrice(row.averagePrice === null ? undefined : Number(row.averagePrice)),
    isFigure: true,
    grow: 2,
  },
  {
    id: "outcomes",
    header: "Outcomes",
    value: (row) => Object.keys(row.outcomes).join(),
    cell: (row) => <Outcomes counts={row.outcomes} />,
    grow: 5,
  },
];

function Outcomes({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  return (
    <Group gap="sm" wrap="nowrap">
      {Object.entries(counts).map(([outcome, count]) => (
        <Group key={outcome} gap={4} wrap="nowrap">
          <Text span size="sm">
            {formatCount(count)}
          </Text>
          <OutcomeBadge outcome={outcome} />
        </Group>
      ))}
    </Group>
  );
}

interface SummaryProps {
  readonly rows: readonly InstrumentSummary[];
  readonly summarized: number;
  readonly onOpen: (instrument: string) => void;
}

/** What the filtered exits come to, instrument by instrument. */
export function Summary({ rows, summarized, onOpen }: SummaryProps) {
  return (
    <>
      <Text size="sm" c="dimmed">
        {`Over the newest ${formatCount(summarized)} exits of the filter, all accounts; prices are weighted by quantity.`}
      </Text>
      <DataTable
        label="Exits by instrument"
        rows={rows}
        columns={COLUMNS}
        keyOf={(row) => row.instrument}
        empty="Nothing was closed."
        sort={{ id: "exits", desc: true }}
        onOpen={(row) => {
          onOpen(row.instrument);
        }}
      />
    </>
  );
}
