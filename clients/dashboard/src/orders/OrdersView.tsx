import { Alert, Badge, Button, Group, Menu, Tabs } from "@mantine/core";
import { IconChevronDown, IconPlus } from "@tabler/icons-react";
import { useCallback, useMemo, useState } from "react";

import { useDesk, useObstacle, useRights, useRows } from "../desk/hooks.ts";
import { Page } from "../shell/Page.tsx";
import { useGo, useRoute } from "../shell/route.ts";
import { formatCount } from "../words/format.ts";
import { type CancelAim, CancelModal } from "./CancelModal.tsx";
import { FillTable } from "./FillTable.tsx";
import { isWorking, lineOfItem, merged, type OrderLine } from "./lines.ts";
import { OrderDrawer } from "./OrderDrawer.tsx";
import { OrderTable } from "./OrderTable.tsx";
import { Ticket } from "./Ticket.tsx";
import { UnknownOrders } from "./UnknownOrders.tsx";
import { useRecentOrders } from "./useRecentOrders.ts";
import { useUnknownOrders } from "./useUnknownOrders.ts";

/** What works at the venues, what has ended, what has filled, and what nobody knows. */
export function OrdersView() {
  const desk = useDesk();
  const rights = useRights();
  const cannotCancel = useObstacle("closes");
  const { subject } = useRoute();
  const go = useGo();
  const [isTicketOpen, setTicketOpen] = useState(false);
  const [aim, setAim] = useState<CancelAim>();
  const told = useRows(desk.orders);
  const fills = useRows(desk.executions);
  const recent = useRecentOrders();
  const unknown = useUnknownOrders();
  const lines = useMemo(() => told.map(lineOfItem), [told]);
  const working = useMemo(() => lines.filter(isWorking), [lines]);
  const ended = useMemo(
    () =>
      merged(
        lines,
        recent.filter((line) => !isWorking(line)),
      ).filter((line) => !isWorking(line)),
    [lines, recent],
  );
  const open = useCallback(
    (line: { readonly orderId: string }) => {
      go("orders", line.orderId);
    },
    [go],
  );
  const cancel = useCallback((order: OrderLine) => {
    setAim({ of: "order", order });
  }, []);
  return (
    <Page
      title="Orders"
      actions={
        <Group gap="xs">
          {rights.closes && (
            <CancelAccountMenu working={working} obstacle={cannotCancel} onChoose={setAim} />
          )}
          {rights.opens && (
            <Button
              leftSection={<IconPlus size={16} />}
              onClick={() => {
                setTicketOpen(true);
              }}
            >
              New order
            </Button>
          )}
        </Group>
      }
    >
      {unknown.problem !== undefined && (
        <Alert
          color="yellow"
          mb="sm"
          p="sm"
          role="status"
          title="Unknown orders could not be asked for"
        >
          {`There may be some that are not shown here: ${unknown.problem}`}
        </Alert>
      )}
      <UnknownOrders orders={unknown.orders} onResolved={unknown.refresh} />
      <Tabs defaultValue="working" keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="working" rightSection={<Count of={working.length} />}>
            Working
          </Tabs.Tab>
          <Tabs.Tab value="ended">Ended</Tabs.Tab>
          <Tabs.Tab value="fills">Fills</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="working">
          <OrderTable
            label="Working orders"
            lines={working}
            empty={desk.orders.isRead ? "No order works." : "Reading every account…"}
            onOpen={open}
            obstacle={cannotCancel}
            {...(rights.closes ? { onCancel: cancel } : {})}
          />
        </Tabs.Panel>
        <Tabs.Panel value="ended">
          <OrderTable
            label="Ended orders"
            lines={ended}
            empty="No order has ended yet."
            onOpen={open}
          />
        </Tabs.Panel>
        <Tabs.Panel value="fills">
          <FillTable fills={fills} isRead={desk.executions.isRead} onOpen={open} />
        </Tabs.Panel>
      </Tabs>
      <OrderDrawer
        orderId={subject === "" ? undefined : subject}
        line={[...lines, ...ended].find(({ key, orderId }) =>
          [orderId, key.slice(key.indexOf(":") + 1)].includes(subject),
        )}
        onClose={() => {
          go("orders");
        }}
        onCancel={cancel}
      />
      {rights.opens && (
        <Ticket
          isOpen={isTicketOpen}
          onClose={() => {
            setTicketOpen(false);
          }}
        />
      )}
      {aim !== undefined && (
        <CancelModal
          aim={aim}
          onClose={() => {
            setAim(undefined);
          }}
        />
      )}
    </Page>
  );
}

function Count({ of }: { readonly of: number }) {
  return (
    <Badge size="sm" variant="default" radius="sm">
      {formatCount(of)}
    </Badge>
  );
}

interface CancelAccountMenuProps {
  readonly working: readonly OrderLine[];
  readonly obstacle: string | undefined;
  readonly onChoose: (aim: CancelAim) => void;
}

/** Every account that has a working order. */
function CancelAccountMenu({ working, obstacle, onChoose }: CancelAccountMenuProps) {
  const counts = new Map<
    string,
    { readonly venue: string; readonly account: string; count: number }
  >();
  for (const { venue, account } of working) {
    const key = `${venue}:${account}`;
    const known = counts.get(key) ?? { venue, account, count: 0 };
    counts.set(key, { ...known, count: known.count + 1 });
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          rightSection={<IconChevronDown size={16} />}
          disabled={obstacle !== undefined || counts.size === 0}
          title={obstacle}
        >
          Cancel all of…
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {[...counts].sort().map(([key, { venue, account, count }]) => (
          <Menu.Item
            key={key}
            onClick={() => {
              onChoose({ of: "account", venue, account, count });
            }}
          >
            {key} ({count})
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
