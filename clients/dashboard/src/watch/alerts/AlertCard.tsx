import { Anchor, Box, Button, Group, Paper, Text, ThemeIcon } from "@mantine/core";
import { IconAlertOctagon, IconEye, IconInfoCircle } from "@tabler/icons-react";
import type { AlertItem } from "rpcclient";
import type { ComponentType } from "react";

import { linkTo } from "../../shell/route.ts";
import { type Gravity, meaningOf } from "../../words/alerts.ts";
import { formatAge, formatDateTime } from "../../words/format.ts";

const MARKS: Readonly<
  Record<Gravity, { readonly color: string; readonly icon: ComponentType<{ size: number }> }>
> = {
  act: { color: "red", icon: IconAlertOctagon },
  look: { color: "yellow", icon: IconEye },
  know: { color: "gray", icon: IconInfoCircle },
};
const OPERATIONS_SHOWN = 3;

interface AlertCardProps {
  readonly alert: AlertItem;
  readonly now: number;
  readonly onAcknowledge: (alert: AlertItem) => void;
}

/** One alert: what happened, where, when, and who looks at it. */
export function AlertCard({ alert, now, onAcknowledge }: AlertCardProps) {
  const { gravity, title } = meaningOf(alert.code);
  const { color, icon: Icon } = MARKS[gravity];
  const isOpen = alert.acknowledgedBy === undefined;
  const where = [alert.venue, alert.account, alert.instrument].filter(Boolean).join(" · ");
  return (
    <Paper component="article" withBorder p="sm" aria-label={`${title}: ${alert.detail}`}>
      <Group align="flex-start" wrap="nowrap" gap="sm">
        <ThemeIcon variant="light" color={isOpen ? color : "gray"} size="lg" aria-hidden>
          <Icon size={20} />
        </ThemeIcon>
        <Box flex={1} miw={0}>
          <Group justify="space-between" align="flex-start" gap="xs">
            <Text fw={600} size="sm">
              {title}
            </Text>
            <Text size="xs" c="dimmed">
              {`${formatDateTime(alert.at)}, ${formatAge(now - Date.parse(alert.at))} ago`}
            </Text>
          </Group>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {alert.detail}
          </Text>
          <Group gap="md" mt={4} justify="space-between">
            <Group gap="sm">
              {where !== "" && (
                <Text size="xs" c="dimmed">
                  {where}
                </Text>
              )}
              <Operations ids={alert.operationIds ?? []} />
            </Group>
            {isOpen && (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`Acknowledge: ${title}`}
                onClick={() => {
                  onAcknowledge(alert);
                }}
              >
                Acknowledge
              </Button>
            )}
          </Group>
          {!isOpen && (
            <Text size="xs" mt={4}>
              {`${alert.acknowledgedBy ?? ""} looks at it since ${formatDateTime(alert.acknowledgedAt)}: ${alert.acknowledgeReason ?? ""}`}
            </Text>
          )}
        </Box>
      </Group>
    </Paper>
  );
}

function Operations({ ids }: { readonly ids: readonly string[] }) {
  const more = ids.length - OPERATIONS_SHOWN;
  return (
    <>
      {ids.slice(0, OPERATIONS_SHOWN).map((id) => (
        <Anchor key={id} size="xs" href={linkTo("operations", id)}>
          {id}
        </Anchor>
      ))}
      {more > 0 && <Text size="xs">{`and ${String(more)} more`}</Text>}
    </>
  );
}
