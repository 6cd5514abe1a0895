import { Alert, Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import type { ChainAnswer, ClientError } from "rpcclient";
import { useCallback, useMemo, useState } from "react";

import { explain, useAction } from "../desk/hooks.ts";
import { Page } from "../shell/Page.tsx";
import { linkTo, useGo, useRoute } from "../shell/route.ts";
import { DataTable } from "../table/DataTable.tsx";
import { formatCount } from "../words/format.ts";
import { ChainCheck } from "./ChainCheck.tsx";
import { ExportMenu } from "./ExportMenu.tsx";
import { FilterBar } from "./FilterBar.tsx";
import { filtersOf, queryOf, subjectOf, zoneOf } from "./filters.ts";
import { columnsOf } from "./lines.tsx";
import { Summary } from "./Summary.tsx";
import { useExitLog } from "./useExitLog.ts";

type Face = "lines" | "instruments";

const FACES = [
  { value: "lines", label: "Line by line" },
  { value: "instruments", label: "By instrument" },
];
const NOTHING_NEW: ReadonlySet<number> = new Set();

/** What became of every position that somebody closed, from the journal. */
export function ExitLogView() {
  const { subject } = useRoute();
  const go = useGo();
  const filters = useMemo(() => filtersOf(subject), [subject]);
  const query = useMemo(() => queryOf(filters), [filters]);
  const { log, error, isReading, more, markSeen } = useExitLog(query);
  const verify = useAction("VerifyAudit");
  const [chain, setChain] = useState<ChainAnswer>();
  const [exportError, setExportError] = useState<ClientError>();
  const [face, setFace] = useState<Face>("lines");
  const fresh = log?.fresh ?? NOTHING_NEW;
  const columns = useMemo(() => columnsOf(fresh), [fresh]);
  const narrow = useCallback((wanted: string) => {
    window.location.replace(linkTo("exit-log", wanted)); // typing is no step back
  }, []);
  const trouble = error ?? exportError ?? verify.error;
  return (
    <Page
      title="Exit log"
      actions={
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconShieldCheck size={16} />}
            loading={verify.isBusy}
            onClick={() => void verify.run({}).then(setChain)}
          >
            Verify the chain
          </Button>
          <ExportMenu query={query} onError={setExportError} />
        </Group>
      }
    >
      {chain !== undefined && (
        <ChainCheck
          chain={chain}
          onClose={() => {
            setChain(undefined);
          }}
        />
      )}
      {trouble !== undefined && (
        <Alert color="red" role="alert">
          {explain(trouble)}
        </Alert>
      )}
      <FilterBar subject={subject} onChange={narrow} />
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label="Shown"
          data={FACES}
          value={face}
          onChange={(value) => {
            setFace(value as Face);
          }}
        />
        <Group gap="xs">
          {fresh.size > 0 && (
            <Button size="compact-xs" variant="light" onClick={markSeen}>
              {`${formatCount(fresh.size)} new: seen`}
            </Button>
          )}
          <Text size="xs" c="dimmed" role="status">
            {log === undefined
              ? "Reading…"
              : `${formatCount(log.exits.length)} lines read${log.next === undefined ? ", all there are" : ""}; times in ${zoneOf(new Date())}`}
          </Text>
        </Group>
      </Group>
      {log !== undefined && face === "instruments" && (
        <Summary
          rows={log.summary}
          summarized={log.summarized}
          onOpen={(instrument) => {
            setFace("lines");
            go("exit-log", subjectOf({ ...filters, instrument }));
          }}
        />
      )}
      {log !== undefined && face === "lines" && (
        <>
          <DataTable
            label="Exit log"
            rows={log.exits}
            columns={columns}
            keyOf={(row) => String(row.auditSeq)}
            empty="Nothing was closed, or the filters let nothing through."
            sort={{ id: "at", desc: true }}
            onOpen={(row) => {
              go("operations", row.operationId);
            }}
            nameOf={(row) => `${row.instrument} in ${row.account}`}
          />
          {log.next !== undefined && (
            <Button variant="default" loading={isReading} onClick={more} mx="auto">
              Read more
            </Button>
          )}
        </>
      )}
    </Page>
  );
}
