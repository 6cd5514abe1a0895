/** What is held, everywhere that the token may look, and what is becoming of it. */
import { Alert, Button } from "@mantine/core";
import { useCallback, useMemo, useState } from "react";

import { useAsked, useDesk, useRights, useRows } from "../desk/hooks.ts";
import type { PositionRow, Positions } from "../desk/positions.ts";
import { useFlatten } from "../flatten/aim.ts";
import { Page } from "../shell/Page.tsx";
import { DataTable } from "../table/DataTable.tsx";
import { columnsFor } from "./columns.tsx";
import { stopMap } from "./guards.ts";
import { ALL, narrowed } from "./narrowing.ts";
import { type Grouping, NarrowingBar } from "./NarrowingBar.tsx";
import { rankOf, toneOf } from "./standing.ts";
import { SummaryLine } from "./Summary.tsx";
import { summarize } from "./summary.ts";

// Lines draw themselves at once; what is about all of them, their order too, is told more rarely.
const MANY = 500;
const FEW_MS = 150;
const MANY_MS = 400;
const ORDERS_MS = 500;

const NOBODY: ReadonlySet<string> = new Set();
const keyOf = (row: PositionRow) => row.positionId;
// With its side: where an account is hedged, it holds both.
const nameOf = (row: PositionRow) => `${row.instrument} of ${row.account}, ${row.side}`;

export function PositionsView() {
  const desk = useDesk();
  const { board } = desk.positions;
  const rows = useRows(board, board.size > MANY ? MANY_MS : FEW_MS);
  const orders = useRows(desk.orders, ORDERS_MS);
  const halts = useAsked(desk.halts)?.halts;
  const { closes } = useRights();
  const open = useFlatten();

  const [narrowing, setNarrowing] = useState(ALL);
  const [grouping, setGrouping] = useState<Grouping>("");
  const [selected, setSelected] = useState(NOBODY);

  const shown = useMemo(() => narrowed(rows, narrowing), [rows, narrowing]);
  const summary = useMemo(() => summarize(rows), [rows]);
  const groupBy = useMemo(() => grouping.split(" ").filter(Boolean), [grouping]);
  const stops = useMemo(() => stopMap(orders), [orders]);
  const venues = [...new Set(rows.map((row) => row.venue))].sort();
  const hasVenues = venues.length > 1 || grouping.startsWith("venue");
  const isMixed = new Set(rows.map((row) => row.sandbox)).size > 1;
  const flatten = useCallback(
    ({ account, instrument, positionId }: PositionRow) => {
      open({ account, instrument, positionIds: [positionId] });
    },
    [open],
  );
  const columns = useMemo(
    () =>
      columnsFor({
        stops,
        halts: halts ?? [],
        isMixed,
        hasVenues,
        flatten: closes ? flatten : undefined,
      }),
    [stops, halts, isMixed, hasVenues, closes, flatten],
  );
  const chosen = selected.size === 0 ? [] : rows.filter((row) => isChosen(row, selected));
  const selection = useMemo(() => ({ selected, onChange: setSelected }), [selected]);
  const { unread } = desk.positions;

  return (
    <Page title="Positions">
      {unread.length > 0 && (
        <Alert color="yellow" role="alert" title={`Not read: ${unread.join(", ")}`}>
          What is held there is missing here. It is not flat. It is asked for again and again.
        </Alert>
      )}
      {board.isRead && <SummaryLine summary={summary} venues={venues} unread={unread.length} />}
      <DataTable
        label="Positions"
        rows={shown}
        board={board}
        columns={columns}
        keyOf={keyOf}
        nameOf={nameOf}
        rankOf={rankOf}
        toneOf={toneOf}
        groupBy={groupBy}
        empty={emptiness(desk.positions, rows.length)}
        sort={{ id: "instrument", desc: false }}
        hasFilter
        {...(closes ? { selection } : {})}
        toolbar={
          <>
            <NarrowingBar
              venues={venues}
              narrowing={narrowing}
              onNarrow={setNarrowing}
              grouping={grouping}
              onGroup={setGrouping}
            />
            {chosen.length > 0 && (
              <Button
                size="xs"
                color="red"
                onClick={() => {
                  open({ positionIds: chosen.map(keyOf) });
                }}
              >
                Flatten {chosen.length} selected
              </Button>
            )}
          </>
        }
      />
    </Page>
  );
}

/** Why there are no lines: what was not read is never said to be flat. */
function emptiness({ board, unread }: Positions, held: number): string {
  if (!board.isRead) return "Reading every account…";
  if (held > 0) return "Nothing matches.";
  return unread.length > 0 ? "Nothing is held where it could be read." : "Nothing is held.";
}

function isChosen({ positionId, side }: PositionRow, selected: ReadonlySet<string>): boolean {
  return side !== "flat" && selected.has(positionId);
}
