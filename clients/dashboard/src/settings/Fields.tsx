import { SimpleGrid } from "@mantine/core";

import { FieldInput } from "./FieldInput.tsx";
import type { Draft, Field } from "./fields.ts";

interface FieldsProps {
  readonly fields: readonly Field[];
  readonly draft: Draft;
  readonly isReadOnly?: boolean;
  readonly onChange: (draft: Draft) => void;
}

/** Settings beside each other. */
export function Fields({ fields, draft, isReadOnly = false, onChange }: FieldsProps) {
  return (
    <SimpleGrid cols={{ base: 1, sm: fields.length === 4 ? 4 : Math.min(3, fields.length) }}>
      {fields.map((field) => (
        <FieldInput
          key={field.key}
          field={field}
          value={draft[field.key] ?? ""}
          isReadOnly={isReadOnly}
          onChange={(value) => {
            onChange({ ...draft, [field.key]: value });
          }}
        />
      ))}
    </SimpleGrid>
  );
}
