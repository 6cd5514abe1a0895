import { Alert, Button, CopyButton, Group, Text } from "@mantine/core";
import type { RpcError } from "rpcclient";

import { useDesk, useNow, useRights } from "../desk/hooks.ts";
import { formatAge, formatTime } from "../words/format.ts";
import classes from "./flatten.module.css";
import { expiryOf } from "./useConfirmed.ts";

interface ApprovalProps {
  readonly waiting: RpcError;
  readonly onAgain: () => void;
}

/** A press that waits for a second person. Nothing was sent. */
export function Approval({ waiting, onAgain }: ApprovalProps) {
  const { goesAlone } = useRights();
  const now = useNow() + useDesk().client.clockOffsetMs; // it runs out by the server's clock
  const code = String(waiting.data["approvalCode"]);
  const expiresAt = expiryOf(waiting);
  const isOver = now > expiresAt;
  return (
    <Alert
      color="yellow"
      role="status"
      title={
        isOver
          ? "Nobody confirmed in time: nothing was sent"
          : "Nothing is sent yet: a second person must confirm"
      }
    >
      <Text size="sm">{waiting.detail}</Text>
      {!isOver && (
        <>
          <Text size="sm" mt="xs">
            Somebody else with the risk role confirms this code, here or with{" "}
            <code>rpcserver confirm</code>:
          </Text>
          <Group gap="sm" my="xs">
            <span className={classes.code}>{code}</span>
            <CopyButton value={code}>
              {({ copied, copy }) => (
                <Button size="compact-sm" variant="default" onClick={copy}>
                  {copied ? "Copied" : "Copy"}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Text size="sm">
            It runs out at {formatTime(expiresAt)}, in {formatAge(expiresAt - now)}. Once it is
            confirmed, it is followed here.
          </Text>
          {goesAlone && (
            <Text size="sm" mt="xs">
              You may go alone: plan again, and break the glass under “More filters and terms”.
            </Text>
          )}
        </>
      )}
      <Button mt="sm" size="compact-sm" variant="default" onClick={onAgain}>
        Back to the plan
      </Button>
    </Alert>
  );
}
