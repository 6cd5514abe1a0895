import {
  Alert,
  Button,
  Group,
  Modal,
  Radio,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useState } from "react";

import { explain, useAction, useDesk } from "../desk/hooks.ts";
import type { UnknownOrder } from "./unknown.ts";

interface ResolveModalProps {
  readonly order: UnknownOrder;
  readonly orderId: string;
  readonly onClose: () => void;
  readonly onResolved: () => void;
}

type Fate = "filled" | "canceled" | "never_existed";

const FATES: readonly { readonly fate: Fate; readonly label: string; readonly means: string }[] = [
  { fate: "filled", label: "It filled", means: "All of it, or as much as you say below." },
  {
    fate: "canceled",
    label: "It was canceled",
    means: "It is gone, and no more of it can fill than you say below.",
  },
  {
    fate: "never_existed",
    label: "It never reached the venue",
    means: "The venue has no such order, and will not take it late either.",
  },
];

/** A person's word about an order that nobody can ask about. */
export function ResolveModal({ order, orderId, onClose, onResolved }: ResolveModalProps) {
  const [fate, setFate] = useState<Fate>();
  const [filled, setFilled] = useState("");
  const [reason, setReason] = useState("");
  const { run, isBusy, error } = useAction("ResolveOrder");
  const { lost } = useDesk();
  const needsFilled = fate === "filled" && filled.trim() === "";
  const resolve = async () => {
    if (fate === undefined) return;
    const answer = await run({
      clientOrderId: orderId,
      outcome: fate,
      reason: reason.trim(),
      ...(fate === "never_existed" || filled.trim() === "" ? {} : { filled: filled.trim() }),
    });
    if (answer === undefined) return;
    lost.remove(orderId);
    onResolved();
    onClose();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title="Say what became of it"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void resolve();
        }}
      >
        <Stack>
          <Text size="sm">
            {[order.side, order.quantity, order.instrument].filter(Boolean).join(" ")} in{" "}
            {order.account}. Ask the venue or the broker first. Your word is written into the audit
            under your name; then the position is read anew. If you say that it is gone and it is
            not, the position may be closed twice.
          </Text>
          <Radio.Group
            label="What the venue says"
            required
            value={fate ?? null}
            onChange={(value) => {
              setFate(value);
            }}
          >
            <Stack gap="xs" mt="xs">
              {FATES.map(({ fate: value, label, means }) => (
                <Radio key={value} value={value} label={label} description={means} />
              ))}
            </Stack>
          </Radio.Group>
          {fate !== undefined && fate !== "never_existed" && (
            <TextInput
              label="How much of it filled"
              description={order.quantity === undefined ? undefined : `Of ${order.quantity}`}
              inputMode="decimal"
              required={fate === "filled"}
              value={filled}
              onChange={(event) => {
                setFilled(event.currentTarget.value);
              }}
            />
          )}
          <Textarea
            label="Reason"
            description="Who said so, and how"
            required
            maxLength={1000}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => {
              setReason(event.currentTarget.value);
            }}
          />
          {error !== undefined && (
            <Alert color="red" role="alert" title="Not written down">
              {explain(error)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Back
            </Button>
            <Button
              type="submit"
              color="grape"
              disabled={isBusy || fate === undefined || needsFilled || reason.trim() === ""}
            >
              Write it down
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
