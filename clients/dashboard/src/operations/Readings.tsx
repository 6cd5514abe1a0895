import { Text } from "@mantine/core";
import type { OperationDetail } from "rpcclient";

import type { Reading } from "../desk/story.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatDateTime } from "../words/format.ts";

interface ReadingsProps {
  readonly readings: readonly Reading[];
  readonly operation: OperationDetail | undefined;
}

const SAID: Readonly<Record<Reading["is"], string>> = {
  before: "before anything was sent",
  after: "after the end",
  failed: "not read",
};

const COLUMNS: readonly Column<Reading>[] = [
  { id: "account", header: "Account", value: (one) => `${one.venue}:${one.account}`, grow: 2 },
  { id: "is", header: "Read", value: (one) => SAID[one.is], grow: 2 },
  {
    id: "positions",
    header: "Positions held",
    value: (one) => (one.positions === undefined ? undefined : Number(one.positions)),
    cell: (one) => one.positions ?? "–",
    isFigure: true,
  },
  {
    id: "at",
    header: "At",
    value: (one) => one.at,
    cell: (one) => formatDateTime(one.at),
    grow: 2,
  },
  { id: "detail", header: "Detail", value: (one) => one.detail, grow: 2, isExtra: true },
];

/** The proof before and after: each look at an account. */
export function Readings({ readings, operation }: ReadingsProps) {
  return (
    <>
      <DataTable
        label="Readings of accounts"
        rows={readings}
        columns={COLUMNS}
        keyOf={(one) => String(one.seq)}
        empty="No account was read."
        height={`${Math.min(12, readings.length + 1) * 34 + 8}px`}
      />
      {operation?.provenAt !== null && operation?.provenAt !== undefined && (
        <Text size="sm" c="dimmed">
          The oldest reading that proves a leg is of {formatDateTime(operation.provenAt)}.
        </Text>
      )}
    </>
  );
}
