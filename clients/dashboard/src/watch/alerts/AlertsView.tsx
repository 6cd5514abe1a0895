import {
  Alert,
  Button,
  Grid,
  Group,
  SegmentedControl,
  Select,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import type { AlertItem } from "rpcclient";
import { useMemo, useState } from "react";

import { explain, useAction, useNow } from "../../desk/hooks.ts";
import { Page } from "../../shell/Page.tsx";
import { GRAVITY_WORDS, MEANINGS } from "../../words/alerts.ts";
import { formatCount } from "../../words/format.ts";
import { Presses } from "../presses/Presses.tsx";
import { ReasonDialog } from "../ReasonDialog.tsx";
import { AlertCard } from "./AlertCard.tsx";
import { type AlertFilters, byGravity, isOpen } from "./list.ts";
import { useAlerts } from "./useAlerts.ts";

const CODES = Object.entries(MEANINGS)
  .map(([value, { title }]) => ({ value, label: title }))
  .sort((one, other) => one.label.localeCompare(other.label));
const SHOWN = [
  { value: "open", label: "Open" },
  { value: "all", label: "All" },
];
const AGE_MS = 10_000; // ages of alerts need no second hand

/** What people were told: what nobody looks at yet first, the gravest before the rest. */
export function AlertsView() {
  const [filters, setFilters] = useState<AlertFilters>({ code: "", account: "", isOpenOnly: true });
  const { alerts, more, error, isReading } = useAlerts(filters);
  const [chosen, setChosen] = useState<readonly AlertItem[]>([]);
  const open = useMemo(() => byGravity(alerts.filter(isOpen)), [alerts]);
  const seen = useMemo(() => alerts.filter((alert) => !isOpen(alert)), [alerts]);
  const now = useNow(AGE_MS);
  const narrow = (some: Partial<AlertFilters>) => {
    setFilters({ ...filters, ...some });
  };
  const cards = (some: readonly AlertItem[]) =>
    some.map((alert) => (
      <AlertCard
        key={alert.auditSeq}
        alert={alert}
        now={now}
        onAcknowledge={(one) => {
          setChosen([one]);
        }}
      />
    ));
  return (
    <Page title="Alerts">
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Stack gap="md">
            <Group component="search" align="flex-end" gap="xs" aria-label="Filters">
              <SegmentedControl
                size="xs"
                aria-label="Which"
                data={SHOWN}
                value={filters.isOpenOnly ? "open" : "all"}
                onChange={(value) => {
                  narrow({ isOpenOnly: value === "open" });
                }}
              />
              <Select
                size="xs"
                aria-label="What happened"
                placeholder="Whatever happened"
                clearable
                searchable
                w={240}
                data={CODES}
                value={filters.code === "" ? null : filters.code}
                onChange={(code) => {
                  narrow({ code: code ?? "" });
                }}
              />
              <TextInput
                size="xs"
                aria-label="Account"
                placeholder="Any account"
                value={filters.account}
                onChange={(event) => {
                  narrow({ account: event.currentTarget.value });
                }}
              />
            </Group>
            {error !== undefined && (
              <Alert color="red" role="alert">
                {explain(error)}
              </Alert>
            )}
            {!isReading && error === undefined && open.length === 0 && <AllIsSeen />}
            {open.map(([gravity, some]) => (
              <Stack key={gravity} component="section" gap="xs" aria-label={GRAVITY_WORDS[gravity]}>
                <Group justify="space-between">
                  <Title order={2} size="h5">
                    {`${GRAVITY_WORDS[gravity]} (${formatCount(some.length)})`}
                  </Title>
                  {some.length > 1 && (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      onClick={() => {
                        setChosen(some);
                      }}
                    >
                      {`Acknowledge all ${formatCount(some.length)}`}
                    </Button>
                  )}
                </Group>
                {cards(some)}
              </Stack>
            ))}
            {seen.length > 0 && (
              <Stack component="section" gap="xs" aria-label="Acknowledged">
                <Title order={2} size="h5">
                  Acknowledged
                </Title>
                {cards(seen)}
              </Stack>
            )}
            {more !== undefined && (
              <Button variant="default" onClick={more} mx="auto">
                Read more
              </Button>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Presses />
        </Grid.Col>
      </Grid>
      <Acknowledge
        alerts={chosen}
        onClose={() => {
          setChosen([]);
        }}
      />
    </Page>
  );
}

function AllIsSeen() {
  return (
    <Group gap="xs" c="dimmed" py="xl" justify="center">
      <IconCircleCheck aria-hidden />
      <Text>No open alerts: somebody looks at everything that happened.</Text>
    </Group>
  );
}

interface AcknowledgeProps {
  /** None: it is closed. */
  readonly alerts: readonly AlertItem[];
  readonly onClose: () => void;
}

function Acknowledge({ alerts, onClose }: AcknowledgeProps) {
  const { run, isBusy, error, forget } = useAction("AcknowledgeAlert");
  const [first] = alerts;
  const close = () => {
    forget();
    onClose();
  };
  const say = async (reason: string) => {
    for (const { auditSeq } of alerts) {
      if ((await run({ auditSeq, reason })) === undefined) return;
    }
    close();
  };
  return (
    <ReasonDialog
      isOpen={alerts.length > 0}
      title={alerts.length > 1 ? `Acknowledge ${formatCount(alerts.length)} alerts` : "Acknowledge"}
      verb="Acknowledge"
      isBusy={isBusy}
      error={error}
      onSay={(reason) => void say(reason)}
      onClose={close}
    >
      {alerts.length === 1 && <Text size="sm">{first?.detail}</Text>}
      <Text size="sm" c="dimmed">
        It says that you look at it, and stops nothing.
      </Text>
    </ReasonDialog>
  );
}
