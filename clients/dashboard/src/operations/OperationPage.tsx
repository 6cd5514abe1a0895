import { Alert, Anchor, Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import type { OperationDetail } from "rpcclient";

import { explain, useAnswer, useConnection, useDesk, useRights, useStory } from "../desk/hooks.ts";
import type { Story } from "../desk/story.ts";
import { Page } from "../shell/Page.tsx";
import { linkTo } from "../shell/route.ts";
import { formatDateTime } from "../words/format.ts";
import { Frames } from "./Frames.tsx";
import { Gantt } from "./Gantt.tsx";
import { LegDetail } from "./LegDetail.tsx";
import { type LegRow, legRows } from "./legs.ts";
import { LegsTable } from "./LegsTable.tsx";
import classes from "./operations.module.css";
import { Proof } from "./Proof.tsx";
import { Readings } from "./Readings.tsx";
import { TimeToFlat } from "./TimeToFlat.tsx";
import { Troubles } from "./Troubles.tsx";
import { useOperation } from "./useOperation.ts";

type Face = "timeline" | "legs" | "accounts" | "frames";

const FACES = [
  { value: "timeline", label: "Timeline" },
  { value: "legs", label: "Legs" },
  { value: "accounts", label: "Before and after" },
  { value: "frames", label: "Frames" },
];

interface OperationPageProps {
  readonly operationId: string;
}

/** One operation, attached to live: who and why, its proof, what each leg went through. */
export function OperationPage({ operationId }: OperationPageProps) {
  const desk = useDesk();
  const [story, setStory] = useState<Story>(() => desk.follow(operationId));
  const version = useStory(story);
  const { operation, legs, error } = useOperation(operationId, story);
  const [face, setFace] = useState<Face>("timeline");
  const [opened, setOpened] = useState<number>();
  const rows = useMemo(
    () => legRows(legs, story.legs),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the story changes with its version
    [legs, story, version],
  );
  const leg = rows.find((row) => row.leg === opened);
  const open = (row: LegRow) => {
    setOpened(row.leg);
  };
  const detail = leg !== undefined && (
    <LegDetail
      row={leg}
      since={Date.parse(story.frames[0]?.at ?? operation?.openedAt ?? "")}
      onClose={() => {
        setOpened(undefined);
      }}
    />
  );
  const trouble = error ?? story.error;
  return (
    <Page
      title={operation === undefined ? "Operation" : operation.api}
      actions={
        <Group gap="sm">
          <Anchor href={linkTo("operations")} size="sm">
            All operations
          </Anchor>
          <CancelButton story={story} operation={operation} />
        </Group>
      }
    >
      <div className={classes.page}>
        {trouble !== undefined && (
          <Alert color="red" role="alert" title="Not to be told">
            {explain(trouble)}
          </Alert>
        )}
        <Troubles rows={rows} />
        {operation !== undefined && operation.success !== null ? (
          <Proof ended={{ ...operation, ...pickSigned(story) }} />
        ) : (
          story.total > 0 && (
            <Text role="status" fw={600}>
              Running: {story.done} of {story.total} ended
              {story.isCancelling && " · cancelling what was not sent"}
            </Text>
          )
        )}
        {operation !== undefined && <Summary operation={operation} />}
        {story.missed > 0 && (
          <Group gap="xs">
            <Text size="sm">{story.missed} steps were not heard here.</Text>
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => {
                setStory(desk.followAnew(operationId));
              }}
            >
              Read them all
            </Button>
          </Group>
        )}
        <SegmentedControl
          aria-label="Shown"
          data={FACES}
          value={face}
          onChange={(value) => {
            setFace(value as Face);
          }}
        />
        {face === "timeline" && (
          <Stack gap="md">
            <Gantt rows={rows} story={story} opened={opened} onOpen={open} />
            {detail}
            {story.total > 0 && <TimeToFlat story={story} />}
          </Stack>
        )}
        {face === "legs" && (
          <>
            <LegsTable rows={rows} onOpen={open} />
            {detail}
          </>
        )}
        {face === "accounts" && <Readings readings={story.readings} operation={operation} />}
        {face === "frames" && <Frames frames={story.frames} operationId={operationId} />}
      </div>
    </Page>
  );
}

/** What only the final answer tells. */
function pickSigned({ answer }: Story) {
  return answer?.stayFlatUntil === undefined ? {} : { stayFlatUntil: answer.stayFlatUntil };
}

interface SummaryProps {
  readonly operation: OperationDetail;
}

/** Who, from where, why, when: from the journal. */
function Summary({ operation }: SummaryProps) {
  const { operationId } = operation;
  const { answer } = useAnswer("QueryAudit", { operationId, limit: 1 });
  const remote = answer?.exits[0]?.remote;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["By", operation.principal],
    ["From", remote],
    ["Began", formatDateTime(operation.openedAt)],
    ["Ended", operation.finishedAt === null ? "not yet" : formatDateTime(operation.finishedAt)],
    ["Why", operation.reason === "" ? "no reason given" : operation.reason],
    ["Operation", operationId],
    ["Preferences", optionsOf(operation.fromPreferences)],
    ["Policy", optionsOf(operation.fromPolicy)],
    ["Kind", operation.dryRun ? "dry run: nothing was sent" : undefined],
    ["Idempotency key", operation.idempotencyKey ?? undefined],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name} data-wide={name === "Idempotency key"}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function optionsOf(options: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const names = Object.entries(options ?? {});
  if (names.length === 0) return undefined;
  return names.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", ");
}

interface CancelButtonProps {
  readonly story: Story;
  readonly operation: OperationDetail | undefined;
}

function CancelButton({ story, operation }: CancelButtonProps) {
  const desk = useDesk();
  const { closes } = useRights();
  const isLive = useConnection().is === "live";
  const [isAsked, setAsked] = useState(false);
  if (!closes || operation?.running !== true || story.isOver) return null;
  const isStopping = isAsked || story.isCancelling;
  return (
    <Button
      size="xs"
      variant="default"
      disabled={isStopping || !isLive}
      onClick={() => {
        setAsked(desk.client.cancel({ operationId: operation.operationId }));
      }}
    >
      {isStopping ? "Cancelling…" : "Cancel what is not sent"}
    </Button>
  );
}
