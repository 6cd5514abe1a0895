import { Checkbox, MultiSelect, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";

import { useDesk, useRights, useRows } from "../desk/hooks.ts";
import type { Choice } from "./choice.ts";
import { type FieldsProps, useInstruments } from "./ScopeFields.tsx";

const AS_PREFERRED = { value: "", label: "As preferred" };

/** What is rarely said: narrower filters, and how the close goes about it. */
export function MoreFields({ choice, onChange }: FieldsProps) {
  const rights = useRights();
  const positions = useRows(useDesk().positions.board);
  const instruments = useInstruments(choice.exclude);
  const venues = [...new Set(positions.map((row) => row.venue))];
  if (choice.venue !== "" && !venues.includes(choice.venue)) venues.push(choice.venue);
  return (
    <Stack gap="sm">
      {choice.reach === "filters" && (
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <Select
            label="Venue"
            placeholder="Any"
            data={venues}
            clearable
            value={choice.venue === "" ? null : choice.venue}
            onChange={(venue) => {
              onChange({ venue: venue ?? "" });
            }}
          />
          <TextInput
            label="Strategy tag"
            placeholder="Any"
            value={choice.strategyTag}
            onChange={(event) => {
              onChange({ strategyTag: event.currentTarget.value });
            }}
          />
          <Select
            label="Profit or loss"
            data={[
              { value: "any", label: "Winners and losers" },
              { value: "winners", label: "Winners only" },
              { value: "losers", label: "Losers only" },
            ]}
            allowDeselect={false}
            value={choice.pnl}
            onChange={(pnl) => {
              onChange({ pnl: pnl as Choice["pnl"] });
            }}
          />
          <MultiSelect
            label="Leave alone"
            placeholder={choice.exclude.length === 0 ? "Nothing" : undefined}
            data={instruments}
            value={[...choice.exclude]}
            onChange={(exclude) => {
              onChange({ exclude });
            }}
            searchable
            clearable
            hidePickedOptions
            selectFirstOptionOnChange
            limit={200}
          />
        </SimpleGrid>
      )}
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <Select
          label="Orders that are not proven gone"
          description="When their cancels take too long"
          data={[
            AS_PREFERRED,
            { value: "uncontested", label: "Close what they cannot touch" },
            { value: "wait", label: "Wait for them" },
            ...(rights.overrides ? [{ value: "override", label: "Override: close all" }] : []),
          ]}
          allowDeselect={false}
          value={choice.onFence}
          onChange={(onFence) => {
            onChange({ onFence: onFence as Choice["onFence"] });
          }}
        />
        <Select
          label="Dust"
          description="Less than the smallest order"
          data={[
            AS_PREFERRED,
            { value: "close", label: "Close it where the venue can" },
            { value: "leave", label: "Leave it, and call it flat" },
          ]}
          allowDeselect={false}
          value={choice.dust}
          onChange={(dust) => {
            onChange({ dust: dust as Choice["dust"] });
          }}
        />
        <Select
          label="Closed markets"
          description="What becomes of their positions"
          data={[
            AS_PREFERRED,
            { value: "no", label: "End without them" },
            { value: "yes", label: "Wait for the open" },
          ]}
          allowDeselect={false}
          value={choice.waitForOpen}
          onChange={(waitForOpen) => {
            onChange({ waitForOpen: waitForOpen as Choice["waitForOpen"] });
          }}
        />
        <TextInput
          label="Deadline"
          description="Then nothing new is sent"
          placeholder="As preferred, or 60"
          inputMode="decimal"
          rightSection="s"
          value={choice.deadlineSeconds}
          onChange={(event) => {
            onChange({ deadlineSeconds: event.currentTarget.value });
          }}
        />
      </SimpleGrid>
      {rights.goesAlone && (
        <Checkbox
          color="red"
          label="Break the glass: go without a second person"
          description="Needs a reason, and everybody is told at once."
          checked={choice.breakGlass}
          onChange={(event) => {
            onChange({ breakGlass: event.currentTarget.checked });
          }}
        />
      )}
    </Stack>
  );
}
