import { Alert, Group, Stack, Text, Title } from "@mantine/core";
import { IconPlus, IconRuler2 } from "@tabler/icons-react";
import type { RuleAnswer } from "rpcclient";
import { useState } from "react";

import { explain, useAction, useAnswer, useDesk, useNow, useObstacle } from "../../desk/hooks.ts";
import { Page } from "../../shell/Page.tsx";
import { GuardedButton } from "../GuardedButton.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";
import { type Draft, draftOf } from "./kinds.ts";
import { RuleCard } from "./RuleCard.tsx";
import { RuleDialog } from "./RuleDialog.tsx";
import { Switches } from "./Switches.tsx";

const ASK_MS = 5_000;

/** What acts by itself: times of day, limits, retries, and switches that wait for silence. */
export function RulesView() {
  const { client } = useDesk();
  const { answer, error, refresh } = useAnswer("ListRules", {}, { everyMs: ASK_MS });
  const now = useNow() + client.clockOffsetMs;
  const obstacle = useObstacle("halts");
  const [draft, setDraft] = useState<Draft>();
  const [isChange, setChange] = useState(false);
  const [removing, setRemoving] = useState<RuleAnswer>();
  return (
    <Page
      title="Rules"
      actions={
        <GuardedButton
          leftSection={<IconPlus size={18} />}
          obstacle={obstacle}
          onClick={() => {
            setChange(false);
            setDraft(freshDraft());
          }}
        >
          New rule
        </GuardedButton>
      }
    >
      {error !== undefined && (
        <Alert color="red" role="alert">
          {explain(error)}
        </Alert>
      )}
      <Stack component="section" gap="xs" aria-label="Rules and schedules">
        <Title order={2} size="h5">
          Rules and schedules
        </Title>
        {answer === undefined && error === undefined && <Text c="dimmed">Reading…</Text>}
        {answer?.rules.length === 0 && (
          <Group gap="xs" c="dimmed" py="md">
            <IconRuler2 aria-hidden />
            <Text size="sm">No rule stands: nothing acts by itself.</Text>
          </Group>
        )}
        {answer?.rules.map((rule) => (
          <RuleCard
            key={rule.ruleId}
            rule={rule}
            now={now}
            onChange={(changed) => {
              setChange(true);
              setDraft(draftOf(changed));
            }}
            onRemove={setRemoving}
          />
        ))}
      </Stack>
      <Switches />
      <RuleDialog
        draft={draft}
        isChange={isChange}
        onSet={() => {
          setDraft(undefined);
          refresh();
        }}
        onClose={() => {
          setDraft(undefined);
        }}
      />
      <Remove
        rule={removing}
        onClose={() => {
          setRemoving(undefined);
          refresh();
        }}
      />
    </Page>
  );
}

function freshDraft(): Draft {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return { kind: "flatten_at", ruleId: "", accounts: [], reason: "", terms: { timeZone } };
}

interface RemoveProps {
  /** Undefined: it is closed. */
  readonly rule: RuleAnswer | undefined;
  readonly onClose: () => void;
}

function Remove({ rule, onClose }: RemoveProps) {
  const { run, isBusy, error, forget } = useAction("RemoveRule");
  const close = () => {
    forget();
    onClose();
  };
  return (
    <ReasonDialog
      isOpen={rule !== undefined}
      title="Remove the rule"
      verb="Remove"
      color="yellow"
      isBusy={isBusy}
      error={error}
      onSay={(reason) => {
        if (rule === undefined) return;
        void run({ ruleId: rule.ruleId, reason }).then((done) => {
          if (done !== undefined) close();
        });
      }}
      onClose={close}
    >
      <Text size="sm">
        {`${rule?.ruleId ?? ""} stands no more, and what it remembers is forgotten. What it has begun goes on.`}
      </Text>
    </ReasonDialog>
  );
}
