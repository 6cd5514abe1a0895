import { Alert, Button, Code, Drawer, Group, Loader, Stack, Text, Timeline } from "@mantine/core";

import { explain, useAnswer, useObstacle } from "../desk/hooks.ts";
import { formatDateTime, formatPrice } from "../words/format.ts";
import { sourceWord, type Step, stepOf } from "./life.ts";
import { describeOrder, isWorking, type OrderLine } from "./lines.ts";

interface OrderDrawerProps {
  /** Ours, or the venue's. Undefined: it is closed. */
  readonly orderId: string | undefined;
  /** As the table has it, if it does. */
  readonly line: OrderLine | undefined;
  readonly onClose: () => void;
  readonly onCancel: (line: OrderLine) => void;
}

const ASK_EVERY_MS = 2_000;

const COLORS: Readonly<Record<Step["tone"], string>> = {
  unsure: "grape",
  end: "teal",
  bad: "red",
  plain: "gray",
};

/** One order, from the intent to now. */
export function OrderDrawer({ orderId, line, onClose, onCancel }: OrderDrawerProps) {
  return (
    <Drawer
      opened={orderId !== undefined}
      onClose={onClose}
      position="right"
      size="md"
      title="An order's life"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {orderId !== undefined && <Life orderId={orderId} line={line} onCancel={onCancel} />}
    </Drawer>
  );
}

type LifeProps = Pick<OrderDrawerProps, "line" | "onCancel"> & { readonly orderId: string };

function Life({ orderId, line, onCancel }: LifeProps) {
  const { answer, error } = useAnswer("GetOrderLifecycle", { orderId }, { everyMs: ASK_EVERY_MS });
  const obstacle = useObstacle("closes");
  return (
    <Stack>
      {line !== undefined && <Text fw={600}>{describeOrder(line, formatPrice)}</Text>}
      <Text size="sm" c="dimmed">
        <Code>{orderId}</Code>
      </Text>
      {error !== undefined && (
        <Alert color="yellow" role="alert" title="Its life cannot be read now">
          {explain(error)}
        </Alert>
      )}
      {answer === undefined && error === undefined && <Loader size="sm" aria-label="Reading" />}
      {answer !== undefined && (
        <>
          {answer.total !== undefined && (
            <Text size="sm" c="dimmed">
              The newest {answer.count} of {answer.total} steps.
            </Text>
          )}
          <Timeline active={answer.events.length} bulletSize={14} lineWidth={2} aria-label="Steps">
            {answer.events.map((event, index) => {
              const { title, detail, tone } = stepOf(event);
              return (
                <Timeline.Item
                  key={`${String(event.auditSeq)} ${index}`}
                  color={COLORS[tone]}
                  title={title}
                >
                  {detail !== "" && <Text size="sm">{detail}</Text>}
                  <Text size="xs" c="dimmed">
                    {formatDateTime(event.timestamp)} · {sourceWord(event.source)}
                    {event.auditSeq !== null && ` · audit ${event.auditSeq}`}
                  </Text>
                </Timeline.Item>
              );
            })}
          </Timeline>
        </>
      )}
      {line !== undefined && isWorking(line) && (
        <Group justify="flex-end">
          <Button
            color="red"
            variant="outline"
            disabled={obstacle !== undefined}
            title={obstacle}
            onClick={() => {
              onCancel(line);
            }}
          >
            Cancel this order…
          </Button>
        </Group>
      )}
    </Stack>
  );
}
