import { Alert, Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { IconHelpOctagon } from "@tabler/icons-react";
import { useState } from "react";

import { useObstacle } from "../desk/hooks.ts";
import { linkTo } from "../shell/route.ts";
import { formatDateTime } from "../words/format.ts";
import classes from "./Orders.module.css";
import { ResolveModal } from "./ResolveModal.tsx";
import type { UnknownOrder } from "./unknown.ts";

interface UnknownOrdersProps {
  readonly orders: readonly UnknownOrder[];
  readonly onResolved: () => void;
}

/** What was sent and not answered, above everything else; nothing where there is none. */
export function UnknownOrders({ orders, onResolved }: UnknownOrdersProps) {
  const [resolving, setResolving] = useState<UnknownOrder>();
  const obstacle = useObstacle("overrides");
  if (orders.length === 0) return null;
  return (
    <Alert
      color="grape"
      variant="light"
      className={classes.unknown}
      role="region"
      icon={<IconHelpOctagon />}
      title={`UNKNOWN: nobody knows what became of ${orders.length === 1 ? "an order" : `${orders.length} orders`}`}
    >
      <Stack gap="sm">
        <Text size="sm">
          Sent, and no answer came. Such an order counts as alive: it is neither filled nor canceled
          until the venue says so, and the server asks on by itself. Never send another in its
          place.
        </Text>
        {orders.map((order) => (
          <Group key={order.key} justify="space-between" className={classes.unknownOrder}>
            <div>
              <Text fw={600}>
                {[order.side, order.quantity, order.instrument].filter(Boolean).join(" ")}
                {order.account !== "" && ` in ${order.account}`}
              </Text>
              <Text size="sm" c="dimmed">
                Since {formatDateTime(order.since)}
                {order.detail !== "" && ` · ${order.detail}`}
                {order.operationId !== undefined && (
                  <>
                    {" · "}
                    <Anchor size="sm" href={linkTo("operations", order.operationId)}>
                      its operation
                    </Anchor>
                  </>
                )}
              </Text>
            </div>
            {order.orderId === undefined ? (
              <Text size="sm">The alert does not name it: see the operations of that time.</Text>
            ) : (
              <Group gap="xs">
                <Button
                  component="a"
                  variant="default"
                  size="xs"
                  href={linkTo("orders", order.orderId)}
                >
                  Its life
                </Button>
                <Button
                  size="xs"
                  color="grape"
                  disabled={obstacle !== undefined}
                  title={obstacle}
                  onClick={() => {
                    setResolving(order);
                  }}
                >
                  Say what became of it
                </Button>
              </Group>
            )}
          </Group>
        ))}
        {obstacle !== undefined && (
          <Text size="sm" c="dimmed">
            {obstacle}
          </Text>
        )}
      </Stack>
      {resolving?.orderId !== undefined && (
        <ResolveModal
          order={resolving}
          orderId={resolving.orderId}
          onClose={() => {
            setResolving(undefined);
          }}
          onResolved={onResolved}
        />
      )}
    </Alert>
  );
}
