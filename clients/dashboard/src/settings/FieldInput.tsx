import { MultiSelect, Select, TextInput } from "@mantine/core";

import { type Field, namesIn } from "./fields.ts";

interface FieldInputProps {
  readonly field: Field;
  readonly value: string;
  readonly isReadOnly: boolean;
  /** Where the label stands elsewhere, as in a table. */
  readonly label?: string;
  readonly onChange: (value: string) => void;
}

/** One setting; what is left empty says nothing. */
export function FieldInput({ field, value, isReadOnly, label, onChange }: FieldInputProps) {
  const { kind, choices = [], description } = field;
  const named = label === undefined ? { label: field.label, description } : { "aria-label": label };
  switch (kind) {
    case "choice":
    case "yes_no":
      return (
        <Select
          {...named}
          data={[...choices]}
          value={value === "" ? null : value}
          placeholder="not said"
          clearable
          readOnly={isReadOnly}
          onChange={(chosen) => {
            onChange(chosen ?? "");
          }}
        />
      );
    case "many":
      return (
        <MultiSelect
          {...named}
          data={[...choices]}
          value={[...namesIn(value)]}
          searchable
          clearable
          readOnly={isReadOnly}
          onChange={(chosen) => {
            onChange(chosen.join(", "));
          }}
        />
      );
    case "text":
    case "figure":
    case "integer":
    case "list":
      return (
        <TextInput
          {...named}
          value={value}
          readOnly={isReadOnly}
          placeholder="not said"
          inputMode={kind === "integer" ? "numeric" : kind === "figure" ? "decimal" : "text"}
          onChange={(event) => {
            onChange(event.currentTarget.value);
          }}
        />
      );
  }
}
