import { Alert, Button, Code, CopyButton, Group, Modal, Stack, Text } from "@mantine/core";
import type { NewTokenAnswer } from "rpcclient";

interface SecretDialogProps {
  /** Undefined: it is closed, and nothing is kept. */
  readonly made: NewTokenAnswer | undefined;
  readonly onClose: () => void;
}

/** The secret of a new token: shown once, here, and stored nowhere. */
export function SecretDialog({ made, onClose }: SecretDialogProps) {
  return (
    <Modal
      opened={made !== undefined}
      onClose={onClose}
      title="The new token"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      transitionProps={{ duration: 0 }} // gone at once, with what it showed
    >
      {made !== undefined && (
        <Stack gap="sm">
          <Text size="sm">
            {`It speaks for ${made.row.principal} (${made.row.roles.join(", ")}), as ${made.row.tokenId}.`}
          </Text>
          <Alert color="yellow" role="status">
            Copy it now: it is shown once, and stored nowhere.
          </Alert>
          <Code block aria-label="Token" style={{ overflowWrap: "anywhere", whiteSpace: "normal" }}>
            {made.token}
          </Code>
          <Group justify="flex-end" gap="xs">
            <CopyButton value={made.token}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy} data-autofocus>
                  {copied ? "Copied" : "Copy"}
                </Button>
              )}
            </CopyButton>
            <Button onClick={onClose}>It is kept</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
