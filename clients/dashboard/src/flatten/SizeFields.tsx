import { Group, SegmentedControl, Stack, TextInput } from "@mantine/core";

import type { Amount, Choice, Execution } from "./choice.ts";
import { LadderEditor } from "./LadderEditor.tsx";
import type { FieldsProps } from "./ScopeFields.tsx";

interface SizeFieldsProps extends FieldsProps {
  readonly hasPreferred: boolean;
}

/** How much of each position, and at which price. */
export function SizeFields({ choice, onChange, hasPreferred }: SizeFieldsProps) {
  return (
    <Stack gap="sm">
      <Group gap="sm" wrap="nowrap" align="flex-end">
        <SegmentedControl
          flex={1}
          aria-label="How much of each position"
          value={choice.amount}
          onChange={(amount) => {
            onChange({ amount: amount as Amount });
          }}
          data={[
            { value: "all", label: "All of it" },
            { value: "percent", label: "A part" },
            ...(choice.reach === "everything" ? [] : [{ value: "quantity", label: "Quantity" }]),
          ]}
        />
        {choice.amount === "percent" && (
          <TextInput
            w={96}
            aria-label="Percent of each position"
            inputMode="decimal"
            rightSection="%"
            value={choice.percent}
            onChange={(event) => {
              onChange({ percent: event.currentTarget.value });
            }}
          />
        )}
        {choice.amount === "quantity" && (
          <TextInput
            w={96}
            aria-label="Quantity of each position"
            inputMode="decimal"
            placeholder="1"
            value={choice.quantity}
            onChange={(event) => {
              onChange({ quantity: event.currentTarget.value });
            }}
          />
        )}
      </Group>
      <SegmentedControl
        fullWidth
        aria-label="At which price"
        value={choice.execution}
        onChange={(execution) => {
          onChange({ execution: execution as Execution });
        }}
        data={[
          { value: "market", label: "At market" },
          { value: "ladder", label: "Limit, by a ladder" },
          ...(hasPreferred ? [{ value: "preferred", label: "As I prefer" }] : []),
        ]}
      />
      {choice.execution === "ladder" && <LadderEditor choice={choice} onChange={onChange} />}
    </Stack>
  );
}

/** What is left of a choice where another reach takes a part of it away. */
export function reachedBy(reach: Choice["reach"], choice: Choice): Partial<Choice> {
  return reach === "everything" && choice.amount === "quantity" ? { amount: "all" } : {};
}
