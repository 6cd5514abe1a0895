import { Badge, Box, Group, Paper, Table, Text } from "@mantine/core";
import type { MarkAnswer, RuleAnswer } from "rpcclient";

import { useDesk, useObstacle, useRights } from "../../desk/hooks.ts";
import { formatAge, formatDateTime } from "../../words/format.ts";
import { GuardedButton } from "../GuardedButton.tsx";
import { nameOfKind, sayRule } from "./kinds.ts";

interface RuleCardProps {
  readonly rule: RuleAnswer;
  /** The server's. */
  readonly now: number;
  readonly onChange: (rule: RuleAnswer) => void;
  readonly onRemove: (rule: RuleAnswer) => void;
}

/** One rule: what it does, and what it remembers. */
export function RuleCard({ rule, now, onChange, onRemove }: RuleCardProps) {
  const { principal } = useDesk();
  const { releases } = useRights();
  const right = useObstacle("halts");
  const isOwn = rule.principal === principal;
  const others = isOwn ? undefined : "It is another's: only they change it.";
  const foreign =
    isOwn || releases ? undefined : "It is another's: the right to release is needed.";
  const { nextAt, marks = [] } = rule;
  return (
    <Paper component="article" withBorder p="sm" aria-label={`Rule ${rule.ruleId}`}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} flex="1 1 16rem">
          <Group gap="xs">
            <Text fw={600}>{nameOfKind(rule.kind)}</Text>
            {marks.some(({ beyond }) => beyond) && (
              <Badge color="red" variant="filled" radius="sm">
                Beyond its amount
              </Badge>
            )}
          </Group>
          <Text size="sm">{sayRule(rule)}</Text>
          <Text size="sm" c="dimmed">
            {`${rule.accounts.includes("*") ? "Every account" : rule.accounts.join(", ")} · ${rule.reason}`}
          </Text>
          <Text size="xs" c="dimmed">
            {`${rule.ruleId} · ${rule.principal} · since ${formatDateTime(rule.since)}`}
          </Text>
        </Box>
        <Group gap="xs">
          {nextAt !== undefined && (
            <Text size="sm" fw={600} title={formatDateTime(nextAt)}>
              {`in ${formatAge(Date.parse(nextAt) - now)}`}
            </Text>
          )}
          <GuardedButton
            size="xs"
            variant="default"
            obstacle={right ?? others}
            onClick={() => {
              onChange(rule);
            }}
          >
            Change
          </GuardedButton>
          <GuardedButton
            size="xs"
            variant="default"
            obstacle={right ?? foreign}
            onClick={() => {
              onRemove(rule);
            }}
          >
            Remove
          </GuardedButton>
        </Group>
      </Group>
      {rule.lastDay !== undefined && (
        <Text size="xs" c="dimmed">{`Last settled: ${rule.lastDay}`}</Text>
      )}
      {marks.length > 0 && <Marks marks={marks} isDaily={rule.kind === "daily_loss"} />}
    </Paper>
  );
}

interface MarksProps {
  readonly marks: readonly MarkAnswer[];
  readonly isDaily: boolean;
}

/** What a limit remembers, account by account. */
function Marks({ marks, isDaily }: MarksProps) {
  return (
    <Table.ScrollContainer minWidth={420} maw={720} mt="xs">
      <Table fz="xs" verticalSpacing={2}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Account</Table.Th>
            {isDaily && <Table.Th>Day</Table.Th>}
            <Table.Th ta="end">{isDaily ? "Equity at its start" : "Highest equity"}</Table.Th>
            <Table.Th>Now</Table.Th>
            <Table.Th ta="end">Times passed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {marks.map((mark) => (
            <Table.Tr key={mark.account}>
              <Table.Td>{mark.account}</Table.Td>
              {isDaily && <Table.Td>{mark.day ?? "–"}</Table.Td>}
              <Table.Td ta="end">
                {figure(isDaily ? mark.dayStartEquity : mark.highestEquity)}
              </Table.Td>
              <Table.Td fw={mark.beyond ? 700 : 400} {...(mark.beyond ? { c: "red" } : {})}>
                {mark.beyond ? "beyond" : "within"}
              </Table.Td>
              <Table.Td ta="end">{mark.timesPassed}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function figure(equity: number | null): string {
  return equity === null
    ? "–"
    : equity.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
