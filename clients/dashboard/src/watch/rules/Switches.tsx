import { Alert, Badge, Box, Code, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { SwitchAnswer } from "rpcclient";
import { useState } from "react";

import {
  explain,
  useAction,
  useAnswer,
  useDesk,
  useNow,
  useObstacle,
  useRights,
} from "../../desk/hooks.ts";
import { formatAge, formatDateTime } from "../../words/format.ts";
import { GuardedButton } from "../GuardedButton.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";

const ASK_MS = 2_000; // their clients renew them all the time

/** Dead-man's switches: whose silence closes what, and when. */
export function Switches() {
  const { client } = useDesk();
  const { answer, error, refresh } = useAnswer("ListSwitches", {}, { everyMs: ASK_MS });
  const now = useNow() + client.clockOffsetMs;
  const { run, isBusy, error: refused, forget } = useAction("DisarmDeadman");
  const [disarming, setDisarming] = useState<SwitchAnswer>();
  const close = () => {
    forget();
    setDisarming(undefined);
    refresh();
  };
  return (
    <Stack component="section" gap="xs" aria-label="Dead-man's switches">
      <Title order={2} size="h5">
        Dead-man’s switches
      </Title>
      {error !== undefined && (
        <Alert color="red" role="alert">
          {explain(error)}
        </Alert>
      )}
      {answer?.switches.length === 0 && (
        <Text size="sm" c="dimmed">
          None is armed. A program arms one for itself, and closes by falling silent.
        </Text>
      )}
      {answer?.switches.map((each) => (
        <SwitchCard key={each.switchId} each={each} now={now} onDisarm={setDisarming} />
      ))}
      <ReasonDialog
        isOpen={disarming !== undefined}
        title="Disarm the switch"
        verb="Disarm"
        color="yellow"
        isBusy={isBusy}
        error={refused}
        onSay={(reason) => {
          if (disarming === undefined) return;
          void run({ switchId: disarming.switchId, reason }).then((done) => {
            if (done !== undefined) close();
          });
        }}
        onClose={close}
      >
        <Text size="sm">
          {`Nothing is closed any more when the client of ${disarming?.switchId ?? ""} falls silent.`}
        </Text>
      </ReasonDialog>
    </Stack>
  );
}

interface SwitchCardProps {
  readonly each: SwitchAnswer;
  /** The server's. */
  readonly now: number;
  readonly onDisarm: (each: SwitchAnswer) => void;
}

function SwitchCard({ each, now, onDisarm }: SwitchCardProps) {
  const { principal } = useDesk();
  const { releases } = useRights();
  const right = useObstacle("closes");
  const isForeign = each.principal !== principal && !releases;
  const obstacle =
    right ?? (isForeign ? "It is another's: the right to release is needed." : undefined);
  return (
    <Paper component="article" withBorder p="sm" aria-label={`Switch ${each.switchId}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} flex="1 1 16rem">
          <Group gap="xs">
            <Text fw={600}>{each.switchId}</Text>
            <Standing each={each} now={now} />
          </Group>
          <Text size="sm">
            {`${each.api} `}
            <Code>{JSON.stringify(each.args)}</Code>
            {`, after ${formatAge(each.timeoutMs)} of silence`}
          </Text>
          <Text size="xs" c="dimmed">
            {`Armed by ${each.principal} since ${formatDateTime(each.since)}: ${each.reason}`}
          </Text>
        </Box>
        <GuardedButton
          size="xs"
          variant="default"
          obstacle={obstacle}
          onClick={() => {
            onDisarm(each);
          }}
        >
          Disarm
        </GuardedButton>
      </Group>
    </Paper>
  );
}

/** When it fires unless it is renewed; or that it fired. */
function Standing({ each, now }: { readonly each: SwitchAnswer; readonly now: number }) {
  if (each.firedAt !== null) {
    return (
      <Badge color="red" variant="filled" radius="sm">
        {`Fired ${formatDateTime(each.firedAt)}`}
      </Badge>
    );
  }
  if (each.firesAt === null) {
    return (
      <Badge color="gray" variant="light" radius="sm">
        Not watched yet
      </Badge>
    );
  }
  const left = Date.parse(each.firesAt) - now;
  // A client in good health renews it four times in each timeout.
  const isLate = left < each.timeoutMs / 2;
  return (
    <Badge color={isLate ? "orange" : "teal"} variant="light" radius="sm" tt="none">
      {isLate
        ? `Silent: fires in ${formatAge(left)}`
        : `Renewed; fires in ${formatAge(left)} otherwise`}
    </Badge>
  );
}
