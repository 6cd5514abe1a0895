import { ActionIcon, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";

import { type Rung, RUNGS_MAX } from "./choice.ts";
import classes from "./flatten.module.css";
import type { FieldsProps } from "./ScopeFields.tsx";

/** The steps of a limit that comes nearer, the first at once. */
export function LadderEditor({ choice: { ladder }, onChange }: FieldsProps) {
  const put = (key: number, change: Partial<Rung>) => {
    onChange({ ladder: ladder.map((rung) => (rung.key === key ? { ...rung, ...change } : rung)) });
  };
  const add = () => {
    const last = ladder.at(-1);
    const key = Math.max(0, ...ladder.map((rung) => rung.key)) + 1;
    const afterSeconds = String(Math.floor(Number(last?.afterSeconds ?? 0)) + 5);
    onChange({ ladder: [...ladder, { key, type: "market", offsetTicks: "0", afterSeconds }] });
  };
  return (
    <fieldset className={classes.ladder}>
      <legend>
        <Text size="xs" c="dimmed">
          From the touch: 0 joins the best price of its own side, 4 crosses by four ticks, -2 rests
          two deeper.
        </Text>
      </legend>
      {ladder.map((rung, index) => (
        <Group key={rung.key} gap="xs" wrap="nowrap" align="center">
          <TextInput
            size="xs"
            w={84}
            aria-label={`Step ${index + 1}: after how many seconds`}
            inputMode="decimal"
            rightSection="s"
            value={rung.afterSeconds}
            onChange={(event) => {
              put(rung.key, { afterSeconds: event.currentTarget.value });
            }}
          />
          <Select
            size="xs"
            flex={1}
            aria-label={`Step ${index + 1}: type`}
            data={[
              { value: "limit", label: "limit" },
              { value: "market", label: "market" },
            ]}
            allowDeselect={false}
            value={rung.type}
            onChange={(type) => {
              put(rung.key, { type: type as Rung["type"] });
            }}
          />
          <TextInput
            size="xs"
            w={92}
            aria-label={`Step ${index + 1}: ticks from the touch`}
            disabled={rung.type === "market"}
            rightSection="ticks"
            rightSectionWidth={44}
            value={rung.type === "market" ? "" : rung.offsetTicks}
            onChange={(event) => {
              put(rung.key, { offsetTicks: event.currentTarget.value });
            }}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove step ${index + 1}`}
            disabled={ladder.length === 1}
            onClick={() => {
              onChange({ ladder: ladder.filter((other) => other.key !== rung.key) });
            }}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={<IconPlus size={14} />}
        disabled={ladder.length >= RUNGS_MAX}
        onClick={add}
      >
        Add a step
      </Button>
    </fieldset>
  );
}
