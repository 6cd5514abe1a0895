import { Button, Select, SimpleGrid, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";

import { verdictOf } from "../words/outcomes.ts";
import { type Filters, filtersOf, NO_FILTERS, OUTCOMES, subjectOf, zoneOf } from "./filters.ts";

const TYPING_MS = 300;
const OUTCOME_CHOICES = OUTCOMES.map((value) => ({ value, label: verdictOf(value).word }));
const TEXTS = [
  ["user", "User"],
  ["strategy", "Strategy"],
  ["instrument", "Instrument"],
  ["account", "Account"],
] as const;

interface FilterBarProps {
  /** Of the address. */
  readonly subject: string;
  readonly onChange: (subject: string) => void;
}

/** What the log is narrowed to; the address follows what is typed. */
export function FilterBar({ subject, onChange }: FilterBarProps) {
  const [typed, setTyped] = useState({ subject, filters: filtersOf(subject) });
  const [isOpen, setOpen] = useState(subject !== ""); // on a phone; elsewhere there is room
  const filters = typed.subject === subject ? typed.filters : filtersOf(subject);
  const tell = useDebouncedCallback(onChange, TYPING_MS);
  const change = (some: Partial<Filters>) => {
    const changed = { ...filters, ...some };
    setTyped({ subject, filters: changed });
    tell(subjectOf(changed));
  };
  const zone = zoneOf(new Date());
  return (
    <>
      <Button
        size="xs"
        variant="default"
        hiddenFrom="sm"
        flex="none"
        aria-expanded={isOpen}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        Filters
      </Button>
      <SimpleGrid
        component="search"
        {...(isOpen ? {} : { visibleFrom: "sm" as const })}
        cols={{ base: 2, sm: 4, lg: 8 }}
        spacing="xs"
        aria-label="Filters"
      >
        {TEXTS.map(([name, label]) => (
          <TextInput
            key={name}
            size="xs"
            label={label}
            value={filters[name]}
            onChange={(event) => {
              change({ [name]: event.currentTarget.value });
            }}
          />
        ))}
        <Select
          size="xs"
          label="Outcome"
          placeholder="Any"
          clearable
          data={OUTCOME_CHOICES}
          value={filters.outcome === "" ? null : filters.outcome}
          onChange={(outcome) => {
            change({ outcome: outcome ?? "" });
          }}
        />
        {(["from", "until"] as const).map((name) => (
          <TextInput
            key={name}
            size="xs"
            type="datetime-local"
            label={name === "from" ? "From" : "Until"}
            title={`On this machine's clock: ${zone}`}
            aria-description={`On this machine's clock: ${zone}`}
            value={filters[name]}
            onChange={(event) => {
              change({ [name]: event.currentTarget.value });
            }}
          />
        ))}
        <Button
          size="xs"
          variant="default"
          mt="auto"
          disabled={subjectOf(filters) === ""}
          onClick={() => {
            change(NO_FILTERS);
          }}
        >
          Clear filters
        </Button>
      </SimpleGrid>
    </>
  );
}
