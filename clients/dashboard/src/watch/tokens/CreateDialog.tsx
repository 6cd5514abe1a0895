import {
  Alert,
  Button,
  Checkbox,
  Group,
  Modal,
  Stack,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import type { NewTokenAnswer } from "rpcclient";
import { useState } from "react";

import { useAction, useAnswer } from "../../desk/hooks.ts";
import { errorAt, complaintOf } from "../complaint.ts";

const FIELDS = ["principal", "roles", "accounts", "expiresAt", "reason"] as const;
const ROLES = [
  ["viewer", "Reads"],
  ["trader", "Opens and closes in its accounts, and halts them"],
  ["risk", "Closes, cancels, halts, releases, and is a second person; opens nothing"],
  ["admin", "Makes tokens, lays the policy down, halts and releases"],
  ["break_glass", "Closes without a second person, with a reason"],
] as const;

interface CreateDialogProps {
  readonly isOpen: boolean;
  readonly onMade: (made: NewTokenAnswer) => void;
  readonly onClose: () => void;
}

/** A token for somebody: who, what they may do, where, and for how long. */
export function CreateDialog({ isOpen, onMade, onClose }: CreateDialogProps) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="A new token"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <CreateForm onMade={onMade} onClose={onClose} />
    </Modal>
  );
}

function CreateForm({ onMade, onClose }: Omit<CreateDialogProps, "isOpen">) {
  const [principal, setPrincipal] = useState("");
  const [roles, setRoles] = useState<string[]>(["viewer"]);
  const [accounts, setAccounts] = useState<string[]>([]);
  const [expires, setExpires] = useState("");
  const [reason, setReason] = useState("");
  const { answer } = useAnswer("ListAccounts", {});
  const { run, isBusy, error } = useAction("CreateToken");
  const complaint = error && complaintOf(error, FIELDS);
  const isWhole = principal.trim() !== "" && roles.length > 0 && accounts.length > 0;
  const make = async () => {
    const made = await run({
      principal: principal.trim(),
      roles,
      accounts,
      ...(expires === "" ? {} : { expiresAt: new Date(expires).toISOString() }),
      reason: reason.trim(),
    });
    if (made !== undefined) onMade(made);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Whom it speaks for"
          required
          maxLength={64}
          data-autofocus
          value={principal}
          error={errorAt(complaint, "principal")}
          onChange={(event) => {
            setPrincipal(event.currentTarget.value);
          }}
        />
        <Checkbox.Group
          label="What it may do"
          required
          value={roles}
          error={errorAt(complaint, "roles")}
          onChange={setRoles}
        >
          <Stack gap={6} mt={4}>
            {ROLES.map(([role, does]) => (
              <Checkbox key={role} value={role} label={role.replace("_", " ")} description={does} />
            ))}
          </Stack>
        </Checkbox.Group>
        <TagsInput
          label="Accounts"
          description="A * is every account, those to come included"
          required
          data={["*", ...(answer?.accounts.map(({ name }) => name) ?? [])]}
          value={accounts}
          error={errorAt(complaint, "accounts")}
          onChange={setAccounts}
        />
        <TextInput
          type="datetime-local"
          label="Until"
          description="On this machine's clock; without a time it never ends"
          value={expires}
          error={errorAt(complaint, "expiresAt")}
          onChange={(event) => {
            setExpires(event.currentTarget.value);
          }}
        />
        <Textarea
          label="Reason"
          description="Kept in the audit, with your name."
          maxLength={1000}
          autosize
          value={reason}
          error={errorAt(complaint, "reason")}
          onChange={(event) => {
            setReason(event.currentTarget.value);
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
          <Button type="submit" loading={isBusy} disabled={!isWhole}>
            Make it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
