import { Alert, Anchor, Text } from "@mantine/core";
import type { HaltSetAnswer } from "rpcclient";

import { linkTo } from "../../shell/route.ts";
import { scopeOf } from "./words.ts";

interface HaltLaidProps {
  readonly answer: HaltSetAnswer;
  readonly onClose: () => void;
}

/** What came of a halt: what was canceled, what may still work, and what closes. */
export function HaltLaid({ answer, onClose }: HaltLaidProps) {
  const { halt, complete = true, operationId } = answer;
  const { canceledOrderIds = [], pendingOrderIds = [], unreadAccounts = [] } = answer;
  return (
    <Alert
      color={complete ? "teal" : "orange"}
      role={complete ? "status" : "alert"}
      title={`The halt stands: ${scopeOf(halt)}`}
      withCloseButton
      closeButtonLabel="Dismiss"
      onClose={onClose}
    >
      {!complete && (
        <Text size="sm" fw={600}>
          Not complete: an order that could open risk may still work.
        </Text>
      )}
      <Counted says="Orders proven canceled" ids={canceledOrderIds} />
      <Counted says="Cancels not proven yet" ids={pendingOrderIds} />
      <Counted says="Accounts not read" ids={unreadAccounts} />
      {operationId !== undefined && (
        <Text size="sm">
          What is held is being closed:{" "}
          <Anchor size="sm" href={linkTo("operations", operationId)}>
            {operationId}
          </Anchor>
        </Text>
      )}
    </Alert>
  );
}

function Counted({ says, ids }: { readonly says: string; readonly ids: readonly string[] }) {
  if (ids.length === 0) return null;
  return <Text size="sm">{`${says}: ${String(ids.length)} (${ids.join(", ")})`}</Text>;
}
