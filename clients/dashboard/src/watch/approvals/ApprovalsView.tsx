import { Alert, Anchor, Badge, Box, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import type { ApprovalAnswer, ConfirmedAnswer } from "rpcclient";
import { useState } from "react";

import { useAction, useAsked, useDesk, useNow, useObstacle } from "../../desk/hooks.ts";
import { Page } from "../../shell/Page.tsx";
import { linkTo } from "../../shell/route.ts";
import { formatAge, formatCount, formatDateTime } from "../../words/format.ts";
import { GuardedButton } from "../GuardedButton.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";
import { PlanTable } from "./PlanTable.tsx";
import { leftOf } from "./waiting.ts";

/** Calls that wait for a second person: what they would close, and how long they still wait. */
export function ApprovalsView() {
  const { approvals } = useDesk();
  const waiting = useAsked(approvals)?.approvals;
  const [confirming, setConfirming] = useState<ApprovalAnswer>();
  const [confirmed, setConfirmed] = useState<ConfirmedAnswer>();
  return (
    <Page title="Approvals">
      {confirmed !== undefined && (
        <Alert
          color="teal"
          role="status"
          title={`Confirmed: ${confirmed.approval.api} of ${confirmed.approval.principal}`}
          withCloseButton
          closeButtonLabel="Dismiss"
          onClose={() => {
            setConfirmed(undefined);
          }}
        >
          It is carried out:{" "}
          <Anchor size="sm" href={linkTo("operations", confirmed.operationId)}>
            {confirmed.operationId}
          </Anchor>
        </Alert>
      )}
      {waiting === undefined && <Text c="dimmed">Reading…</Text>}
      {waiting?.length === 0 && (
        <Group gap="xs" c="dimmed" py="xl" justify="center">
          <IconCircleCheck aria-hidden />
          <Text>Nothing waits for a second person.</Text>
        </Group>
      )}
      <Stack gap="md">
        {waiting?.map((approval) => (
          <ApprovalCard key={approval.code} approval={approval} onConfirm={setConfirming} />
        ))}
      </Stack>
      <Confirm
        approval={confirming}
        onConfirmed={(answer) => {
          setConfirmed(answer);
          approvals.refresh();
        }}
        onClose={() => {
          setConfirming(undefined);
        }}
      />
    </Page>
  );
}

interface ApprovalCardProps {
  readonly approval: ApprovalAnswer;
  readonly onConfirm: (approval: ApprovalAnswer) => void;
}

function ApprovalCard({ approval, onConfirm }: ApprovalCardProps) {
  const { principal, client } = useDesk();
  const right = useObstacle("confirms");
  const left = leftOf(approval, useNow() + client.clockOffsetMs);
  const whole = Date.parse(approval.expiresAt) - Date.parse(approval.askedAt);
  const isOwn = approval.principal === principal;
  const own = isOwn ? "Nobody confirms their own call." : undefined;
  const over = left === 0 ? "It waited too long: the call is made again." : undefined;
  return (
    <Paper
      component="article"
      withBorder
      p="sm"
      aria-label={`${approval.api} of ${approval.principal}`}
    >
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} flex="1 1 16rem">
          <Group gap="xs">
            <Text fw={600}>{`${approval.api} of ${approval.principal}`}</Text>
            <Badge variant="light" color={isOwn ? "gray" : "grape"} radius="sm">
              {isOwn ? "Waits for somebody else" : "Waits for a second person"}
            </Badge>
            {approval.sandbox === true && (
              <Badge color="gray" variant="outline" radius="sm">
                Paper
              </Badge>
            )}
          </Group>
          <Text size="sm" mt={4}>
            {`${formatCount(approval.positions)} positions in ${approval.accounts.join(", ")}, because ${approval.why}.`}
          </Text>
          {approval.reason !== "" && (
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {`“${approval.reason}”`}
            </Text>
          )}
          <Text size="xs" c="dimmed" mt={4}>
            {`Asked at ${formatDateTime(approval.askedAt)} · ${approval.code}`}
          </Text>
        </Box>
        <Stack gap={4} align="flex-end">
          <GuardedButton
            color="grape"
            obstacle={own ?? right ?? over}
            onClick={() => {
              onConfirm(approval);
            }}
          >
            Confirm
          </GuardedButton>
          <Text size="xs" c="dimmed">
            {left === 0 ? "Expired" : `${formatAge(left)} left`}
          </Text>
        </Stack>
      </Group>
      <Progress
        value={(100 * left) / whole}
        color="grape"
        size="xs"
        my="xs"
        aria-label="Time left"
      />
      <PlanTable operationId={approval.planOperationId} />
    </Paper>
  );
}

interface ConfirmProps {
  /** Undefined: it is closed. */
  readonly approval: ApprovalAnswer | undefined;
  readonly onConfirmed: (answer: ConfirmedAnswer) => void;
  readonly onClose: () => void;
}

function Confirm({ approval, onConfirmed, onClose }: ConfirmProps) {
  const { run, isBusy, error, forget } = useAction("Confirm");
  const close = () => {
    forget();
    onClose();
  };
  const say = async (reason: string) => {
    if (approval === undefined) return;
    const answer = await run({ code: approval.code, reason });
    if (answer === undefined) return;
    onConfirmed(answer);
    close();
  };
  return (
    <ReasonDialog
      isOpen={approval !== undefined}
      title="Be the second person"
      verb="Confirm and close"
      color="red"
      isBusy={isBusy}
      error={error}
      onSay={(reason) => void say(reason)}
      onClose={close}
    >
      {approval !== undefined && (
        <Text size="sm">
          {`${approval.api} of ${approval.principal} closes ${formatCount(approval.positions)} positions at once, over exactly the plan that is shown.`}
        </Text>
      )}
    </ReasonDialog>
  );
}
