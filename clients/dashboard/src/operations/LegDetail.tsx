import { CloseButton, Group, Paper, Table, Text } from "@mantine/core";
import { useEffect, useRef } from "react";

import { tellLeg } from "../desk/spans.ts";
import { adviseOn, sayWhy } from "../words/advice.ts";
import { formatDateTime, formatDuration } from "../words/format.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import type { LegRow } from "./legs.ts";

interface LegDetailProps {
  readonly row: LegRow;
  /** When the operation began, in milliseconds since the epoch. */
  readonly since: number;
  readonly onClose: () => void;
}

/** One leg: its way in words, why it stands where it stands, and every order that was sent. */
export function LegDetail({ row, since, onClose }: LegDetailProps) {
  const { orders, story } = row;
  const self = useRef<HTMLDivElement>(null);
  useEffect(() => {
    self.current?.scrollIntoView({ block: "nearest" });
  }, [row.leg]);
  return (
    <Paper ref={self} withBorder p="md" component="section" aria-label={`Leg ${row.leg}`}>
      <Group justify="space-between" wrap="nowrap" align="start">
        <Group gap="sm">
          <Text fw={700}>
            {row.instrument} · {row.venue}:{row.account} {row.side}
          </Text>
          {row.outcome !== undefined && <OutcomeBadge outcome={row.outcome} />}
        </Group>
        <CloseButton aria-label="Close the leg" onClick={onClose} />
      </Group>
      <Text size="sm">
        {story === undefined ? "Nothing was told of it yet" : tellLeg(story, since, formatDuration)}
        .
      </Text>
      <Text size="sm" c="dimmed">
        {row.remaining ?? "–"} left of {row.quantity ?? "–"}, to be {row.target ?? "–"}
        {row.averagePrice !== undefined && `, average ${row.averagePrice}`}
        {row.provenAt !== undefined && `, read at ${formatDateTime(row.provenAt)}`}
        {row.joined && ", joined the work of another operation"}
      </Text>
      {row.isTroubled && (
        <Text size="sm" mt={4}>
          {sayWhy(row) !== "" && <b>{sayWhy(row)}. </b>}
          {adviseOn(row)}
        </Text>
      )}
      {orders.length > 0 && (
        <Table.ScrollContainer minWidth={560} mt="sm">
          <Table fz="sm" verticalSpacing={4} aria-label="Orders of the leg">
            <Table.Thead>
              <Table.Tr>
                {["Order", "Side", "Type", "Quantity", "Filled", "Average", "Status", "Why"].map(
                  (name) => (
                    <Table.Th key={name}>{name}</Table.Th>
                  ),
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {orders.map((order) => (
                <Table.Tr key={order.orderId}>
                  <Table.Td title={order.venueOrderId}>
                    <code>{order.orderId.slice(0, 12)}</code>
                  </Table.Td>
                  <Table.Td>{order.side}</Table.Td>
                  <Table.Td>
                    {order.type}
                    {order.limitPrice !== undefined && ` ${order.limitPrice}`}
                  </Table.Td>
                  <Table.Td>{order.quantity}</Table.Td>
                  <Table.Td>{order.filled}</Table.Td>
                  <Table.Td>{order.averagePrice ?? "–"}</Table.Td>
                  <Table.Td>{order.status.replaceAll("_", " ")}</Table.Td>
                  <Table.Td>{sayWhy(order)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}
