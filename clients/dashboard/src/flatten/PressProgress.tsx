import { Alert, Anchor, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";

import type { Press } from "../desk/desk.ts";
import { useConnection, useDesk, useRow, useStory } from "../desk/hooks.ts";
import type { Story } from "../desk/story.ts";
import { LegBars } from "../operations/LegBars.tsx";
import { byUrgency, legRows } from "../operations/legs.ts";
import { Proof } from "../operations/Proof.tsx";
import { TimeToFlat } from "../operations/TimeToFlat.tsx";
import { Troubles } from "../operations/Troubles.tsx";
import { useOperation } from "../operations/useOperation.ts";
import { linkTo } from "../shell/route.ts";
import { formatCount } from "../words/format.ts";
import { Approval } from "./Approval.tsx";
import { describe } from "./choice.ts";
import classes from "./flatten.module.css";
import { type Refusal, refusalOfPress } from "./refusal.ts";
import { useConfirmed, waitingOf } from "./useConfirmed.ts";

interface PressProgressProps {
  readonly press: Press;
  /** Back to what was chosen, to plan it anew. */
  readonly onAgain: (refusal?: Refusal) => void;
  readonly onClose: () => void;
}

/** Where all there is to do is to look at the new plan. */
const OF_THE_PLAN: ReadonlySet<string> = new Set(["plan_changed", "plan_expired"]);

/** One press, from its first step to its proof. */
export function PressProgress({ press: pressed, onAgain, onClose }: PressProgressProps) {
  const press = useRow(useDesk().presses, pressed.key) ?? pressed;
  const { story } = press;
  useStory(story);
  useConfirmed(press);
  const waiting = waitingOf(press);
  const { error, answer, operationId } = story;
  const refusal = useMemo(
    () => refusalOfPress({ error, answer, operationId }),
    [error, answer, operationId],
  );
  const isOfThePlan = refusal !== undefined && OF_THE_PLAN.has(refusal.code);
  useEffect(() => {
    if (isOfThePlan) onAgain(refusal);
  }, [isOfThePlan, refusal, onAgain]);
  const again = () => {
    onAgain();
  };
  if (waiting !== undefined) return <Approval waiting={waiting} onAgain={again} />;
  return (
    <>
      <div className={classes.content}>
        <Text fw={600}>{describe(press.api, press.args)}</Text>
        {refusal === undefined ? <Followed story={story} /> : <Refused refusal={refusal} />}
      </div>
      <div className={classes.foot}>
        <Foot story={story} hasRefusal={refusal !== undefined} onAgain={again} onClose={onClose} />
      </div>
    </>
  );
}

function Followed({ story }: { readonly story: Story }) {
  const version = useStory(story);
  const { legs, operation } = useOperation(story.operationId, story);
  const rows = useMemo(
    () => {
      const told = new Map(story.answer?.legs.map((leg) => [leg.leg, leg]));
      return legRows(told.size > legs.size ? told : legs, story.legs).sort(byUrgency);
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the story changes with its version
    [legs, story, version],
  );
  const { answer } = story;
  return (
    <Stack gap="md">
      <Troubles rows={rows} />
      {answer === undefined ? (
        <Running story={story} />
      ) : (
        <Proof ended={{ ...operation, ...answer }} />
      )}
      {story.missed > 0 && answer === undefined && (
        <Text size="sm" c="dimmed">
          {formatCount(story.missed)} steps went by unheard; the end is told in full.
        </Text>
      )}
      {rows.length > 0 && <LegBars rows={rows} />}
      {story.total > 0 && <TimeToFlat story={story} />}
    </Stack>
  );
}

function Running({ story }: { readonly story: Story }) {
  const isLive = useConnection().is === "live";
  const { done, total, operationId, isCancelling } = story;
  const said =
    operationId === undefined
      ? "Sent; not yet taken by the server…"
      : total === 0
        ? "Reading the accounts…"
        : `${formatCount(done)} of ${formatCount(total)} ended`;
  return (
    <div data-stale={!isLive}>
      <Group justify="space-between" mb={4}>
        <Text fw={600} role="status">
          {said}
          {isCancelling && " · cancelling what was not sent"}
        </Text>
        {!isLive && (
          <Text size="sm">Not connected: it goes on at the server, and here when it is back.</Text>
        )}
      </Group>
      <Progress
        value={total === 0 ? 0 : Math.round((done / total) * 100)}
        aria-label="Legs that ended"
        size="lg"
        radius="sm"
      />
    </div>
  );
}

function Refused({ refusal }: { readonly refusal: Refusal }) {
  return (
    <Alert color={refusal.isNothingSent ? "yellow" : "grape"} title={refusal.title} role="alert">
      <Text size="sm">{refusal.text}</Text>
      {refusal.isNothingSent && (
        <Text size="sm" fw={600}>
          Nothing was sent.
        </Text>
      )}
      <Text size="sm">{refusal.next}</Text>
    </Alert>
  );
}

interface FootProps {
  readonly story: Story;
  readonly hasRefusal: boolean;
  readonly onAgain: () => void;
  readonly onClose: () => void;
}

function Foot({ story, hasRefusal, onAgain, onClose }: FootProps) {
  const desk = useDesk();
  const isLive = useConnection().is === "live";
  const [isAsked, setAsked] = useState(false);
  const { operationId, isOver, isCancelling } = story;
  const link = operationId !== undefined && !hasRefusal && (
    <Anchor href={linkTo("operations", operationId)} onClick={onClose} size="sm">
      Timeline and frames
    </Anchor>
  );
  if (isOver) {
    return (
      <Group justify="space-between">
        {link || <span />}
        <Group gap="sm">
          <Button variant="default" onClick={onAgain}>
            {hasRefusal ? "Back to the plan" : "Plan another"}
          </Button>
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Group>
    );
  }
  const isStopping = isAsked || isCancelling;
  return (
    <Group justify="space-between">
      <Text size="xs" c="dimmed" flex={1} miw={180}>
        Closing this drawer stops nothing: the server carries it out to its end. {link}
      </Text>
      <Group gap="xs" wrap="nowrap">
        <Button variant="subtle" size="compact-md" onClick={onAgain}>
          Plan another
        </Button>
        <Button
          variant="default"
          size="compact-md"
          disabled={operationId === undefined || isStopping || !isLive}
          onClick={() => {
            if (operationId !== undefined) setAsked(desk.client.cancel({ operationId }));
          }}
        >
          {isStopping ? "Cancelling…" : "Cancel what is not sent"}
        </Button>
      </Group>
    </Group>
  );
}
