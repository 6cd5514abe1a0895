import { Alert, Text } from "@mantine/core";
import type { DetailedLeg } from "rpcclient";

import { explain, useAnswer } from "../../desk/hooks.ts";
import { type Column, DataTable } from "../../table/DataTable.tsx";
import { formatCount } from "../../words/format.ts";

const LEGS_SHOWN = 500;

const COLUMNS: readonly Column<DetailedLeg>[] = [
  { id: "account", header: "Account", value: (leg) => leg.account, under: "instrument" },
  { id: "instrument", header: "Instrument", value: (leg) => leg.instrument, grow: 2 },
  { id: "side", header: "Side", value: (leg) => leg.side },
  {
    id: "quantity",
    header: "Held",
    value: (leg) => Number(leg.quantity),
    cell: (leg) => leg.quantity,
    isFigure: true,
  },
  {
    id: "target",
    header: "Left then",
    value: (leg) => Number(leg.target),
    cell: (leg) => leg.target,
    isFigure: true,
  },
];

/** The plan that a call waits with: exactly this is carried out, or nothing. */
export function PlanTable({ operationId }: { readonly operationId: string }) {
  const { answer, error } = useAnswer("GetOperation", { operationId, limit: LEGS_SHOWN });
  if (error !== undefined) {
    return (
      <Alert color="red" role="alert">
        {explain(error)}
      </Alert>
    );
  }
  if (answer === undefined) return <Text c="dimmed">Reading the plan…</Text>;
  const { legs, operation } = answer;
  return (
    <>
      <DataTable
        label={`Plan ${operationId}`}
        rows={legs}
        columns={COLUMNS}
        keyOf={(leg) => String(leg.leg)}
        empty="Nothing is held: nothing would be closed."
        sort={{ id: "account", desc: false }}
      />
      {operation.total > legs.length && (
        <Text size="xs" c="dimmed">
          {`The first ${formatCount(legs.length)} of ${formatCount(operation.total)} legs.`}
        </Text>
      )}
    </>
  );
}
