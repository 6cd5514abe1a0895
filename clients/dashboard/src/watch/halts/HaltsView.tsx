import { Badge, Box, Group, Paper, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconHandStop } from "@tabler/icons-react";
import type { HaltAnswer, HaltSetAnswer } from "rpcclient";
import { useState } from "react";

import { useAction, useAsked, useDesk, useObstacle } from "../../desk/hooks.ts";
import { Page } from "../../shell/Page.tsx";
import { formatDateTime } from "../../words/format.ts";
import { GuardedButton } from "../GuardedButton.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";
import { HaltDialog } from "./HaltDialog.tsx";
import { HaltLaid } from "./HaltLaid.tsx";
import { byLevel, levelOf, scopeOf } from "./words.ts";

/** Where new risk is refused, by whom and why; laid down and released here. */
export function HaltsView() {
  const { halts } = useDesk();
  const standing = useAsked(halts)?.halts;
  const mayHalt = useObstacle("halts");
  const [isLaying, setLaying] = useState(false);
  const [laid, setLaid] = useState<HaltSetAnswer>();
  const [releasing, setReleasing] = useState<HaltAnswer>();
  return (
    <Page
      title="Halts"
      actions={
        <GuardedButton
          color="yellow"
          leftSection={<IconHandStop size={18} />}
          obstacle={mayHalt}
          onClick={() => {
            setLaying(true);
          }}
        >
          Halt
        </GuardedButton>
      }
    >
      <Text size="sm" c="dimmed">
        A halt refuses new risk until a person releases it; no restart does. Exits pass every halt.
      </Text>
      {laid !== undefined && (
        <HaltLaid
          answer={laid}
          onClose={() => {
            setLaid(undefined);
          }}
        />
      )}
      {standing === undefined && <Text c="dimmed">Reading…</Text>}
      {standing?.length === 0 && (
        <Group gap="xs" c="dimmed" py="xl" justify="center">
          <IconCircleCheck aria-hidden />
          <Text>Nothing is halted.</Text>
        </Group>
      )}
      <Stack gap="xs">
        {byLevel(standing ?? []).map((halt) => (
          <HaltCard key={halt.haltId} halt={halt} onRelease={setReleasing} />
        ))}
      </Stack>
      <HaltDialog
        isOpen={isLaying}
        onLaid={(answer) => {
          setLaying(false);
          setLaid(answer);
          halts.refresh();
        }}
        onClose={() => {
          setLaying(false);
        }}
      />
      <Release
        halt={releasing}
        onClose={() => {
          setReleasing(undefined);
          setLaid(undefined);
          halts.refresh();
        }}
      />
    </Page>
  );
}

interface HaltCardProps {
  readonly halt: HaltAnswer;
  readonly onRelease: (halt: HaltAnswer) => void;
}

function HaltCard({ halt, onRelease }: HaltCardProps) {
  const obstacle = useObstacle("releases");
  const { name, color } = levelOf(halt.level);
  const scope = scopeOf(halt);
  return (
    <Paper component="article" withBorder p="sm" aria-label={`Halt of ${scope}`}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" gap="sm">
        <Box miw={0}>
          <Group gap="xs">
            <Text fw={600}>{scope}</Text>
            <Badge color={color} variant="light" radius="sm">
              {name}
            </Badge>
            {halt.sandbox === true && (
              <Badge color="gray" variant="outline" radius="sm">
                Paper
              </Badge>
            )}
          </Group>
          <Text size="sm" mt={4} style={{ overflowWrap: "anywhere" }}>
            {halt.reason}
          </Text>
          <Text size="xs" c="dimmed" mt={4}>
            {`${halt.principal} · ${formatDateTime(halt.at)} · ${halt.haltId}`}
          </Text>
        </Box>
        <GuardedButton
          size="xs"
          variant="default"
          obstacle={obstacle}
          onClick={() => {
            onRelease(halt);
          }}
        >
          Release
        </GuardedButton>
      </Group>
    </Paper>
  );
}

interface ReleaseProps {
  /** Undefined: it is closed. */
  readonly halt: HaltAnswer | undefined;
  readonly onClose: () => void;
}

function Release({ halt, onClose }: ReleaseProps) {
  const { run, isBusy, error, forget } = useAction("Release");
  const close = () => {
    forget();
    onClose();
  };
  return (
    <ReasonDialog
      isOpen={halt !== undefined}
      title="Release the halt"
      verb="Release"
      isBusy={isBusy}
      error={error}
      onSay={(reason) => {
        if (halt === undefined) return;
        void run({ haltId: halt.haltId, reason }).then((answer) => {
          if (answer !== undefined) close();
        });
      }}
      onClose={close}
    >
      {halt !== undefined && (
        <Text size="sm">
          {`New risk is allowed again in ${scopeOf(halt)}, unless another halt reaches there. It was halted because: ${halt.reason}`}
        </Text>
      )}
    </ReasonDialog>
  );
}
