import { Anchor, Stack, Title } from "@mantine/core";
import type { AuditItem } from "rpcclient";

import { linkTo } from "../shell/route.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatTime } from "../words/format.ts";
import { useAuditTail } from "./useAuditTail.ts";

const COLUMNS: readonly Column<AuditItem>[] = [
  {
    id: "seq",
    header: "No.",
    value: (item) => item.auditSeq,
    isFigure: true,
    width: "3.5rem",
    grow: 0.5,
  },
  {
    id: "time",
    header: "Time",
    value: (item) => Date.parse(item.at),
    cell: (item) => formatTime(item.at),
    under: "seq",
  },
  { id: "kind", header: "What", value: (item) => item.kind.replaceAll("_", " "), grow: 1.3 },
  {
    id: "principal",
    header: "By",
    value: (item) => item.principal ?? "",
    under: "kind",
  },
  { id: "account", header: "Account", value: (item) => item.account ?? "", isExtra: true },
  { id: "instrument", header: "Instrument", value: (item) => item.instrument ?? "", isExtra: true },
  { id: "detail", header: "Detail", value: (item) => item.detail ?? "", grow: 3 },
  {
    id: "operation",
    header: "Operation",
    value: (item) => item.operationIds?.[0],
    cell: (item, tabIndex) => {
      const id = item.operationIds?.[0];
      if (id === undefined) return "";
      return (
        <Anchor size="sm" href={linkTo("operations", id)} tabIndex={tabIndex}>
          {id}
        </Anchor>
      );
    },
    grow: 1.6,
    isExtra: true,
  },
];

/** What is written into the journal, as it is written. */
export function AuditTail() {
  const items = useAuditTail();
  return (
    <Stack gap="xs" component="section" aria-label="Audit">
      <Title order={2} size="h5">
        The audit, as it is written
      </Title>
      <DataTable
        label="Audit"
        rows={items}
        columns={COLUMNS}
        keyOf={(item) => String(item.auditSeq)}
        empty="Nothing was written yet."
        sort={{ id: "seq", desc: true }}
        hasFilter
        height="420px"
      />
    </Stack>
  );
}
