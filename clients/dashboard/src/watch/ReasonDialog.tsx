import { Alert, Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import type { ClientError } from "rpcclient";
import { type ReactNode, useState } from "react";

import { explain } from "../desk/hooks.ts";

interface ReasonDialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  /** What the button says, such as `Release`. */
  readonly verb: string;
  readonly color?: string;
  /** What it is about, and what comes of it. */
  readonly children: ReactNode;
  readonly isReasonNeeded?: boolean;
  readonly isBusy: boolean;
  /** Why the server refused. */
  readonly error: ClientError | undefined;
  readonly onSay: (reason: string) => void;
  readonly onClose: () => void;
}

/** Whoever does this says why: it is kept in the audit. */
export function ReasonDialog({ isOpen, title, onClose, ...form }: ReasonDialogProps) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={title}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <ReasonForm {...form} onClose={onClose} />
    </Modal>
  );
}

type ReasonFormProps = Omit<ReasonDialogProps, "isOpen" | "title">;

function ReasonForm({
  verb,
  color,
  children,
  isReasonNeeded = true,
  isBusy,
  error,
  onSay,
  onClose,
}: ReasonFormProps) {
  const [reason, setReason] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSay(reason.trim());
      }}
    >
      <Stack gap="sm">
        {children}
        <Textarea
          label="Reason"
          description="Kept in the audit, with your name."
          required={isReasonNeeded}
          maxLength={1000}
          autosize
          minRows={2}
          data-autofocus
          value={reason}
          onChange={(event) => {
            setReason(event.currentTarget.value);
          }}
        />
        {error !== undefined && (
          <Alert color="red" role="alert">
            {explain(error)}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button
            type="submit"
            loading={isBusy}
            disabled={isReasonNeeded && reason.trim() === ""}
            {...(color === undefined ? {} : { color })}
          >
            {verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
