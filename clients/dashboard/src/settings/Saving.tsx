import { Alert, Button, Group, Text, TextInput } from "@mantine/core";
import type { ClientError } from "rpcclient";

import { explain } from "../desk/hooks.ts";

interface SavingProps {
  readonly reason: string;
  readonly isReasonNeeded: boolean;
  readonly onReason: (reason: string) => void;
  readonly obstacle: string | undefined;
  readonly isBusy: boolean;
  readonly isChanged: boolean;
  readonly isInForce: boolean;
  readonly error: ClientError | undefined;
  readonly onSave: () => void;
}

/** The end of a form of settings: why, and whether it stands. */
export function Saving(props: SavingProps) {
  const { reason, isReasonNeeded, obstacle, isBusy, isChanged, isInForce, error } = props;
  const isMissing = isReasonNeeded && reason.trim() === "";
  return (
    <>
      {error !== undefined && (
        <Alert color="red" role="alert" title="Not saved">
          {explain(error)}
        </Alert>
      )}
      <Group align="flex-end">
        <TextInput
          label="Reason"
          description="Kept in the audit"
          required={isReasonNeeded}
          maxLength={1000}
          flex="1 1 16rem"
          value={reason}
          onChange={(event) => {
            props.onReason(event.currentTarget.value);
          }}
        />
        <Button
          disabled={isBusy || !isChanged || isMissing || obstacle !== undefined}
          title={obstacle}
          onClick={props.onSave}
        >
          Save
        </Button>
      </Group>
      <Text size="sm" c="dimmed" role="status">
        {obstacle ?? (isInForce && !isChanged ? "As it is shown, it is in force." : "")}
      </Text>
    </>
  );
}
