import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";

import { explain, useAction, useObstacle } from "../desk/hooks.ts";
import { formatPrice } from "../words/format.ts";
import { describeOrder, type OrderLine } from "./lines.ts";

/** One order, or every working one of an account. */
export type CancelAim =
  | { readonly of: "order"; readonly order: OrderLine }
  | {
      readonly of: "account";
      readonly venue: string;
      readonly account: string;
      readonly count: number;
    };

interface CancelModalProps {
  readonly aim: CancelAim;
  readonly onClose: () => void;
}

/** Asks once more, because what is canceled may have been what protects a position. */
export function CancelModal({ aim, onClose }: CancelModalProps) {
  const one = useAction("CancelOrder");
  const all = useAction("CancelOrders");
  const obstacle = useObstacle("closes");
  const [left, setLeft] = useState<string>();
  const error = one.error ?? all.error;
  const isBusy = one.isBusy || all.isBusy;
  const cancel = async () => {
    if (aim.of === "order") {
      const answer = await one.run({
        account: `${aim.order.venue}:${aim.order.account}`,
        orderId: aim.order.orderId,
      });
      if (answer !== undefined) onClose();
      return;
    }
    const answer = await all.run({ account: `${aim.venue}:${aim.account}` });
    if (answer === undefined) return;
    const { pendingOrderIds = [], failed = [] } = answer;
    if (pendingOrderIds.length + failed.length === 0) onClose();
    else setLeft(notAll(answer.orderIds.length, pendingOrderIds.length, failed.length));
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={aim.of === "order" ? "Cancel this order?" : "Cancel every working order?"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        <Text>
          {aim.of === "order"
            ? describeOrder(aim.order, formatPrice)
            : `${aim.count} working ${aim.count === 1 ? "order" : "orders"} of ${aim.account}, and any that came meanwhile.`}
        </Text>
        <Text size="sm" c="dimmed">
          A stop that protects a position is canceled like any other order.
        </Text>
        {left !== undefined && (
          <Alert color="yellow" role="alert" title="Not all of them">
            {left}
          </Alert>
        )}
        {error !== undefined && (
          <Alert color="red" role="alert" title="Not proven canceled">
            {explain(error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {left === undefined ? "Leave it" : "Close"}
          </Button>
          <Button
            color="red"
            disabled={isBusy || obstacle !== undefined}
            title={obstacle}
            onClick={() => void cancel()}
          >
            {aim.of === "order" ? "Cancel the order" : "Cancel them all"}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function notAll(canceled: number, pending: number, failed: number): string {
  const parts = [`${canceled} proven canceled`];
  if (pending > 0) parts.push(`${pending} taken by the venue, and not proven yet`);
  if (failed > 0) parts.push(`${failed} could not be canceled`);
  return `${parts.join("; ")}.`;
}
