import {
  Alert,
  Autocomplete,
  Button,
  Group,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useState } from "react";

import { useAction, useAnswer } from "../../desk/hooks.ts";
import { errorAt, complaintOf } from "../complaint.ts";
import {
  ACTIONS,
  argsOf,
  type Draft,
  KIND_NAMES,
  KINDS,
  type TermKey,
  TERMS,
  termsOf,
} from "./kinds.ts";

const ACTION_CHOICES = Object.entries(ACTIONS).map(([value, label]) => ({ value, label }));
const KIND_CHOICES = KIND_NAMES.map((value) => ({ value, label: KINDS[value].name }));
const ZONES = Intl.supportedValuesOf("timeZone");

interface RuleDialogProps {
  /** Undefined: it is closed. */
  readonly draft: Draft | undefined;
  /** Whether it takes the place of a rule that stands. */
  readonly isChange: boolean;
  readonly onSet: () => void;
  readonly onClose: () => void;
}

/** Lay a rule down, or change one that stands: the form knows what each kind takes. */
export function RuleDialog({ draft, isChange, onSet, onClose }: RuleDialogProps) {
  return (
    <Modal
      opened={draft !== undefined}
      onClose={onClose}
      title={isChange ? "Change the rule" : "A new rule"}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {draft !== undefined && (
        <RuleForm first={draft} isChange={isChange} onSet={onSet} onClose={onClose} />
      )}
    </Modal>
  );
}

interface RuleFormProps {
  readonly first: Draft;
  readonly isChange: boolean;
  readonly onSet: () => void;
  readonly onClose: () => void;
}

function RuleForm({ first, isChange, onSet, onClose }: RuleFormProps) {
  const [draft, setDraft] = useState(first);
  const { run, isBusy, error } = useAction("SetRule");
  const { answer } = useAnswer("ListAccounts", {});
  const terms = termsOf(draft.kind);
  const complaint = error && complaintOf(error, [...terms, "ruleId", "accounts", "reason"]);
  const change = (some: Partial<Draft>) => {
    setDraft({ ...draft, ...some });
  };
  const { needs, does } = KINDS[draft.kind];
  return (
    <form
      noValidate // the server says what is missing, and where
      onSubmit={(event) => {
        event.preventDefault();
        void run(argsOf(draft)).then((set) => {
          if (set !== undefined) onSet();
        });
      }}
    >
      <Stack gap="sm">
        <Select
          label="Kind"
          allowDeselect={false}
          disabled={isChange}
          data={KIND_CHOICES}
          value={draft.kind}
          onChange={(kind) => {
            if (kind !== null) change({ kind: kind });
          }}
        />
        <Text size="sm" c="dimmed">
          {does}
        </Text>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          {terms.map((key) => (
            <TermInput
              key={key}
              term={key}
              isNeeded={needs.includes(key)}
              text={draft.terms[key] ?? ""}
              error={errorAt(complaint, key)}
              onChange={(text) => {
                change({ terms: { ...draft.terms, [key]: text } });
              }}
            />
          ))}
        </SimpleGrid>
        <TagsInput
          label="Accounts"
          description="Every account that you may touch, at any time, where none is given"
          data={answer?.accounts.map(({ name }) => name) ?? []}
          value={[...draft.accounts]}
          error={errorAt(complaint, "accounts")}
          onChange={(accounts) => {
            change({ accounts });
          }}
        />
        <TextInput
          label="Name"
          description="Letters, digits, dots and dashes; a fresh one where none is given"
          disabled={isChange}
          value={draft.ruleId}
          error={errorAt(complaint, "ruleId")}
          onChange={(event) => {
            change({ ruleId: event.currentTarget.value });
          }}
        />
        <Textarea
          label="Reason"
          description="Kept in the audit, with your name."
          required
          maxLength={1000}
          autosize
          value={draft.reason}
          error={errorAt(complaint, "reason")}
          onChange={(event) => {
            change({ reason: event.currentTarget.value });
          }}
        />
        {complaint !== undefined && complaint.field === undefined && (
          <Alert color="red" role="alert">
            {complaint.text}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={isBusy} disabled={draft.reason.trim() === ""}>
            {isChange ? "Change the rule" : "Let it stand"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface TermInputProps {
  readonly term: TermKey;
  readonly isNeeded: boolean;
  readonly text: string;
  readonly error: string | undefined;
  readonly onChange: (text: string) => void;
}

function TermInput({ term, isNeeded, text, error, onChange }: TermInputProps) {
  const { label, hint, input } = TERMS[term];
  const props = { label, description: hint, error, required: isNeeded };
  switch (input) {
    case "action":
      return (
        <Select
          {...props}
          data={ACTION_CHOICES}
          value={text === "" ? null : text}
          onChange={(action) => {
            onChange(action ?? "");
          }}
        />
      );
    case "zone":
      return <Autocomplete {...props} data={ZONES} limit={20} value={text} onChange={onChange} />;
    default:
      return (
        <TextInput
          {...props}
          type={input === "time" ? "time" : "text"}
          inputMode={input === "number" || input === "seconds" ? "decimal" : "text"}
          value={text}
          onChange={(event) => {
            onChange(event.currentTarget.value);
          }}
        />
      );
  }
}
