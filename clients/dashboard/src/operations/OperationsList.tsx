import { Alert, Badge, Button, Checkbox, Group } from "@mantine/core";
import { useMemo, useState } from "react";
import type { OperationAnswer } from "rpcclient";

import { explain, useAction, useAnswer, useDesk, useRights, useRows } from "../desk/hooks.ts";
import { Page } from "../shell/Page.tsx";
import { useGo } from "../shell/route.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatDateTime, formatDuration } from "../words/format.ts";
import { endOf, type OperationRow, rowsOf } from "./rows.ts";

const PAGE = 100;

/** Running ones first, then the newest; those before them page by page. */
export function OperationsList() {
  const desk = useDesk();
  const go = useGo();
  const { oversees } = useRights();
  const [isAll, setAll] = useState(oversees);
  const [hasPlans, setPlans] = useState(false);
  const live = useRows(desk.operations);
  const query = isAll ? { limit: PAGE, all: true } : { limit: PAGE };
  const first = useAnswer("ListOperations", query);
  const older = useOlder(isAll, first.answer?.next);
  const rows = useMemo(() => {
    const read = [...(first.answer?.operations ?? []), ...older.operations];
    const heard = isAll ? live : live.filter(({ principal }) => principal === desk.principal);
    return rowsOf(read, heard).filter((row) => hasPlans || !row.isDryRun);
  }, [first.answer, older.operations, live, isAll, hasPlans, desk.principal]);
  const trouble = first.error ?? older.error;
  return (
    <Page title="Operations">
      {trouble !== undefined && (
        <Alert color="red" role="alert">
          {explain(trouble)}
        </Alert>
      )}
      <DataTable
        label="Operations"
        rows={rows}
        columns={COLUMNS}
        keyOf={(row) => row.operationId}
        empty={first.isAsking ? "Reading…" : "Nothing was asked of the server yet."}
        sort={{ id: "opened", desc: true }}
        rankOf={(row) => (row.isRunning ? 0 : 1)}
        toneOf={(row) => (isNotProven(row) ? "bad" : undefined)}
        onOpen={(row) => {
          go("operations", row.operationId);
        }}
        hasFilter
        toolbar={
          <Group gap="md">
            {oversees && (
              <Checkbox
                size="xs"
                label="Everybody's"
                checked={isAll}
                onChange={(event) => {
                  setAll(event.currentTarget.checked);
                }}
              />
            )}
            <Checkbox
              size="xs"
              label="Plans, too"
              checked={hasPlans}
              onChange={(event) => {
                setPlans(event.currentTarget.checked);
              }}
            />
          </Group>
        }
      />
      {older.more !== undefined && (
        <Button variant="default" size="xs" onClick={older.more} loading={older.isBusy}>
          Older ones
        </Button>
      )}
    </Page>
  );
}

function isNotProven(row: OperationRow): boolean {
  return !row.isRunning && !row.isDryRun && row.success === false && row.error === undefined;
}

/** The pages after the first. */
function useOlder(isAll: boolean, begin: string | number | undefined) {
  const list = useAction("ListOperations");
  const [read, setRead] = useState<{
    readonly of: boolean;
    readonly operations: readonly OperationAnswer[];
    readonly next: string | number | undefined;
  }>();
  const known = read?.of === isAll ? read : undefined;
  const next = known === undefined ? begin : known.next;
  const more = () => {
    void list
      .run({ limit: PAGE, before: String(next), ...(isAll ? { all: true } : {}) })
      .then((page) => {
        if (page === undefined) return;
        const operations = [...(known?.operations ?? []), ...page.operations];
        setRead({ of: isAll, operations, next: page.next });
      });
  };
  return {
    operations: known?.operations ?? NO_OPERATIONS,
    more: next === undefined ? undefined : more,
    isBusy: list.isBusy,
    error: list.error,
  };
}

const NO_OPERATIONS: readonly OperationAnswer[] = [];

const COLUMNS: readonly Column<OperationRow>[] = [
  {
    id: "opened",
    header: "When",
    value: (row) => row.openedAt,
    cell: (row) => formatDateTime(row.openedAt),
    grow: 2,
    width: "10rem",
  },
  { id: "api", header: "Call", value: (row) => row.api, grow: 2, width: "8rem" },
  { id: "principal", header: "By", value: (row) => row.principal, grow: 1.5, under: "api" },
  {
    id: "end",
    header: "Result",
    value: (row) => endOf(row).word,
    cell: (row) => {
      const { word, color } = endOf(row);
      return (
        <Badge color={color} variant="light" radius="sm">
          {word}
        </Badge>
      );
    },
    grow: 1.5,
    width: "8rem",
  },
  {
    id: "legs",
    header: "Legs",
    value: (row) => row.legs,
    cell: (row) => (row.legs === undefined ? "–" : String(row.legs)),
    isFigure: true,
    isExtra: true,
  },
  {
    id: "took",
    header: "Took",
    value: tookOf,
    cell: (row) => {
      const took = tookOf(row);
      return took === undefined ? "–" : formatDuration(took);
    },
    isFigure: true,
    isExtra: true,
    width: "5rem",
  },
  { id: "reason", header: "Reason", value: (row) => row.reason, grow: 3, isExtra: true },
  {
    id: "operationId",
    header: "Operation",
    value: (row) => row.operationId,
    grow: 2,
    width: "9rem",
    isExtra: true,
  },
];

function tookOf({ openedAt, finishedAt }: OperationRow): number | undefined {
  if (openedAt === undefined || finishedAt === undefined) return undefined;
  return Date.parse(finishedAt) - Date.parse(openedAt);
}
