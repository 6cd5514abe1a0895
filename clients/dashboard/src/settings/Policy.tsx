import { Stack, Text } from "@mantine/core";
import type { PolicyAnswer, SetPolicyArgs } from "rpcclient";
import { useState } from "react";

import { explain, useAction, useAnswer, useObstacle } from "../desk/hooks.ts";
import { formatDateTime } from "../words/format.ts";
import { Fields } from "./Fields.tsx";
import { Part } from "./Part.tsx";
import { LISTS, policyChanges, policyDraft } from "./policyDraft.ts";
import { RowsEditor } from "./RowsEditor.tsx";
import { Saving } from "./Saving.tsx";
import { RETENTION, RETRY } from "./words.ts";

const SINGLE = [
  { key: "retry", title: "Trying again", fields: RETRY },
  { key: "retention", title: "How long is kept", fields: RETENTION },
] as const;

/** What administrators lay down for everybody. */
export function Policy() {
  const { answer, error, refresh } = useAnswer("GetPolicy", {});
  if (answer === undefined) {
    return <Text c="dimmed">{error === undefined ? "Reading…" : explain(error)}</Text>;
  }
  return <PolicyForm key={answer.policy.since} policy={answer.policy} onSaved={refresh} />;
}

interface PolicyFormProps {
  readonly policy: PolicyAnswer;
  readonly onSaved: () => void;
}

function PolicyForm({ policy, onSaved }: PolicyFormProps) {
  const before = policyDraft(policy);
  const [draft, setDraft] = useState(before);
  const [reason, setReason] = useState("");
  const { run, isBusy, error } = useAction("SetPolicy");
  const obstacle = useObstacle("administers");
  const isReadOnly = obstacle !== undefined;
  const changes = policyChanges(before, draft);
  const save = async () => {
    // Fields say what the server wants, and it checks them again.
    const args = { ...changes, reason: reason.trim() } as SetPolicyArgs;
    if ((await run(args)) !== undefined) onSaved();
  };
  return (
    <Stack>
      <Text size="sm">
        In force for everybody, within the bounds of the server&apos;s own settings
        {boundsOf(policy)}.
        {policy.since !== null &&
          ` Laid down by ${policy.principal ?? "nobody"} at ${formatDateTime(policy.since)}: ${policy.reason ?? ""}`}
      </Text>
      {LISTS.map(({ key, title, one, fields }) => (
        <Part key={key} title={title}>
          <RowsEditor
            one={one}
            fields={fields}
            rows={draft.lists[key]}
            isReadOnly={isReadOnly}
            onChange={(rows) => {
              setDraft({ ...draft, lists: { ...draft.lists, [key]: rows } });
            }}
          />
        </Part>
      ))}
      {SINGLE.map(({ key, title, fields }) => (
        <Part key={key} title={title}>
          <Fields
            fields={fields}
            draft={draft[key]}
            isReadOnly={isReadOnly}
            onChange={(changed) => {
              setDraft({ ...draft, [key]: changed });
            }}
          />
        </Part>
      ))}
      <Saving
        reason={reason}
        isReasonNeeded
        onReason={setReason}
        obstacle={obstacle}
        isBusy={isBusy}
        isChanged={Object.keys(changes).length > 0}
        isInForce={policy.since !== null}
        error={error}
        onSave={() => void save()}
      />
    </Stack>
  );
}

function boundsOf({ deployment }: PolicyAnswer): string {
  const words: Readonly<Record<string, string>> = {
    callsPerSecond: "calls a second",
    callsBurst: "calls at once",
    closingCallsPerSecond: "exits a second",
    closingCallsBurst: "exits at once",
  };
  const bounds = Object.entries(deployment).map(([key, value]) => `${value} ${words[key] ?? key}`);
  return bounds.length === 0 ? "" : ` (${bounds.join(", ")})`;
}
