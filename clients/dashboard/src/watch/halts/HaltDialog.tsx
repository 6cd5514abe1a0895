import {
  Alert,
  Autocomplete,
  Button,
  Group,
  Modal,
  Radio,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Textarea,
  TextInput,
} from "@mantine/core";
import type { HaltArgs, HaltSetAnswer } from "rpcclient";
import { useState } from "react";

import { useAction, useAnswer, useDesk, useRows } from "../../desk/hooks.ts";
import { HoldButton } from "../../flatten/HoldButton.tsx";
import { errorAt, complaintOf } from "../complaint.ts";
import { type Level, LEVELS } from "./words.ts";

const FIELDS = ["account", "venue", "instrument", "strategyTag", "user"] as const;
type Field = (typeof FIELDS)[number];
const LABELS: Readonly<Record<Field, string>> = {
  account: "Account",
  venue: "Venue",
  instrument: "Instrument",
  strategyTag: "Strategy tag",
  user: "User",
};
const NO_FILTERS: Readonly<Record<Field, string>> = {
  account: "",
  venue: "",
  instrument: "",
  strategyTag: "",
  user: "",
};
const REACHES = [
  { value: "part", label: "Only what matches" },
  { value: "everything", label: "Everything I may touch" },
];

interface HaltDialogProps {
  readonly isOpen: boolean;
  readonly onLaid: (answer: HaltSetAnswer) => void;
  readonly onClose: () => void;
}

/** Lay a halt down: where, how far, and why. */
export function HaltDialog({ isOpen, onLaid, onClose }: HaltDialogProps) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="Halt new risk"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <HaltForm onLaid={onLaid} onClose={onClose} />
    </Modal>
  );
}

type HaltFormProps = Omit<HaltDialogProps, "isOpen">;

function HaltForm({ onLaid, onClose }: HaltFormProps) {
  const [filters, setFilters] = useState(NO_FILTERS);
  const [isEverything, setEverything] = useState(false);
  const [level, setLevel] = useState<Level>("no_new_risk");
  const [reason, setReason] = useState("");
  const [refusals, setRefusals] = useState(0);
  const { run, isBusy, error } = useAction("Halt");
  const complaint = error && complaintOf(error, FIELDS);
  const suggested = useSuggestions();
  const isAimed = isEverything || FIELDS.some((field) => filters[field].trim() !== "");
  const missing = !isAimed
    ? "Say what is halted: one filter at least, or everything."
    : reason.trim() === ""
      ? "Say why."
      : undefined;
  const lay = async () => {
    const answer = await run(
      argsOf(isEverything ? NO_FILTERS : filters, { isEverything, level, reason }),
    );
    if (answer === undefined) setRefusals((count) => count + 1);
    else onLaid(answer);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (level !== "flatten_and_lock" && missing === undefined) void lay();
      }}
    >
      <Stack gap="sm">
        <SegmentedControl
          aria-label="What is halted"
          data={REACHES}
          value={isEverything ? "everything" : "part"}
          onChange={(value) => {
            setEverything(value === "everything");
          }}
        />
        {!isEverything && (
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
            {FIELDS.map((field) => {
              const props = {
                label: LABELS[field],
                value: filters[field],
                error: errorAt(complaint, field),
              };
              const change = (text: string) => {
                setFilters({ ...filters, [field]: text });
              };
              const choices = suggested[field];
              return choices === undefined ? (
                <TextInput
                  key={field}
                  {...props}
                  onChange={(event) => {
                    change(event.currentTarget.value);
                  }}
                />
              ) : (
                <Autocomplete
                  key={field}
                  {...props}
                  data={[...choices]}
                  limit={20}
                  onChange={change}
                />
              );
            })}
          </SimpleGrid>
        )}
        <Radio.Group
          label="How far"
          value={level}
          onChange={(value) => {
            setLevel(value);
          }}
        >
          <Stack gap="xs" mt={4}>
            {Object.entries(LEVELS).map(([value, { name, does }]) => (
              <Radio key={value} value={value} label={name} description={does} />
            ))}
          </Stack>
        </Radio.Group>
        <Textarea
          label="Reason"
          description="Told to everybody who meets the halt, and kept in the audit."
          required
          maxLength={1000}
          autosize
          value={reason}
          onChange={(event) => {
            setReason(event.currentTarget.value);
          }}
        />
        {complaint !== undefined && complaint.field === undefined && (
          <Alert color="red" role="alert">
            {complaint.text}
          </Alert>
        )}
        {level === "flatten_and_lock" ? (
          <HoldButton
            key={refusals} // what was refused may be held anew
            label="Hold to flatten and lock"
            obstacle={isBusy ? "Halting…" : missing}
            onHeld={() => void lay()}
          />
        ) : (
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" color="yellow" loading={isBusy} disabled={missing !== undefined}>
              Halt
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

/** Names that there are, for the fields that take one of them; any other text is taken as well. */
function useSuggestions(): Partial<Readonly<Record<Field, readonly string[]>>> {
  const { answer } = useAnswer("ListAccounts", {});
  const held = useRows(useDesk().positions.board);
  const accounts = answer?.accounts ?? [];
  return {
    account: [...new Set(accounts.map(({ name }) => name))].sort(),
    venue: [...new Set(accounts.map(({ venue }) => venue))].sort(),
    instrument: [...new Set(held.map(({ instrument }) => instrument))].sort(),
  };
}

interface Rest {
  readonly isEverything: boolean;
  readonly level: Level;
  readonly reason: string;
}

function argsOf(filters: Readonly<Record<Field, string>>, rest: Rest): HaltArgs {
  const given = FIELDS.flatMap((field) => {
    const text = filters[field].trim();
    return text === "" ? [] : [[field, text]];
  });
  return {
    ...(Object.fromEntries(given) as Partial<Record<Field, string>>),
    ...(rest.isEverything ? { everything: true } : {}),
    level: rest.level,
    reason: rest.reason.trim(),
  };
}
