import { Stack, Text } from "@mantine/core";
import type { PreferencesAnswer, SetPreferencesArgs } from "rpcclient";
import { useState } from "react";

import { explain, useAction, useAnswer, useConnection } from "../desk/hooks.ts";
import { formatDateTime } from "../words/format.ts";
import { Fields } from "./Fields.tsx";
import { argsOf, changesOf, type Draft, draftOf } from "./fields.ts";
import { Part } from "./Part.tsx";
import { RowsEditor } from "./RowsEditor.tsx";
import { Saving } from "./Saving.tsx";
import { ALERTS, EXECUTION, LADDER, SCOPE } from "./words.ts";

const PLAIN = [...EXECUTION, ...SCOPE, ...ALERTS];

/** What my closing calls mean where they do not say it. */
export function Preferences() {
  const { answer, error, refresh } = useAnswer("GetPreferences", {});
  if (answer === undefined) {
    return <Text c="dimmed">{error === undefined ? "Reading…" : explain(error)}</Text>;
  }
  const { preferences } = answer;
  return (
    <PreferencesForm key={preferences.since ?? ""} preferences={preferences} onSaved={refresh} />
  );
}

interface PreferencesFormProps {
  readonly preferences: PreferencesAnswer;
  readonly onSaved: () => void;
}

function PreferencesForm({ preferences, onSaved }: PreferencesFormProps) {
  const before = draftOf(PLAIN, { ...preferences, ...preferences.scope });
  const stepsBefore = (preferences.ladder ?? []).map((step) => draftOf(LADDER, step));
  const [draft, setDraft] = useState<Draft>(before);
  const [steps, setSteps] = useState<readonly Draft[]>(stepsBefore);
  const [reason, setReason] = useState("");
  const { run, isBusy, error } = useAction("SetPreferences");
  const isLive = useConnection().is === "live";
  const { args, clear } = changesOf(PLAIN, before, draft);
  const areStepsChanged = JSON.stringify(steps) !== JSON.stringify(stepsBefore);
  const isChanged = clear.length > 0 || Object.keys(args).length > 0 || areStepsChanged;
  const save = async () => {
    const ladder = steps.map((step) => stepOf(step));
    const said = {
      ...args,
      ...(areStepsChanged && steps.length > 0 ? { executionType: "ladder", ladder } : {}),
      ...(clear.length > 0 ? { clear } : {}),
      ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
    };
    // Fields say what the server wants, and it checks them again.
    if ((await run(said as SetPreferencesArgs)) !== undefined) onSaved();
  };
  return (
    <Stack>
      <Text size="sm">
        They belong to {preferences.user}, by whatever token, and hold for every closing call that
        does not say otherwise. What is not said is as the policy has it.
        {preferences.since !== undefined && ` Said last at ${formatDateTime(preferences.since)}.`}
      </Text>
      <Part title="How to close">
        <Fields fields={EXECUTION} draft={draft} onChange={setDraft} />
        <RowsEditor one="ladder step" fields={LADDER} rows={steps} onChange={setSteps} />
      </Part>
      <Part title="What “my scope” means">
        <Fields fields={SCOPE} draft={draft} onChange={setDraft} />
      </Part>
      <Part title="What I am told">
        <Fields fields={ALERTS} draft={draft} onChange={setDraft} />
      </Part>
      <Saving
        reason={reason}
        isReasonNeeded={false}
        onReason={setReason}
        obstacle={isLive ? undefined : "Not connected: nothing can be saved now."}
        isBusy={isBusy}
        isChanged={isChanged}
        isInForce={preferences.since !== undefined}
        error={error}
        onSave={() => void save()}
      />
    </Stack>
  );
}

/** Ticks may be negative: deeper than the touch. */
function stepOf(step: Draft): object {
  const { offsetTicks, ...rest } = argsOf(LADDER, step);
  return { ...rest, ...(offsetTicks === undefined ? {} : { offsetTicks: Number(offsetTicks) }) };
}
