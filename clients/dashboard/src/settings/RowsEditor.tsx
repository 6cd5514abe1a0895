import { ActionIcon, Button, Stack, Table, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";

import { FieldInput } from "./FieldInput.tsx";
import type { Draft, Field } from "./fields.ts";

interface RowsEditorProps {
  /** What one row is, such as `rate`. */
  readonly one: string;
  readonly fields: readonly Field[];
  readonly rows: readonly Draft[];
  readonly isReadOnly?: boolean;
  readonly onChange: (rows: readonly Draft[]) => void;
}

/** A list of settings, a row each. */
export function RowsEditor({ one, fields, rows, isReadOnly = false, onChange }: RowsEditorProps) {
  return (
    <Stack gap="xs" align="flex-start">
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          No {one}.
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={fields.length * 120} w="100%" type="native">
          <Table verticalSpacing={4} horizontalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                {fields.map(({ key, label }) => (
                  <Table.Th key={key}>{label}</Table.Th>
                ))}
                {!isReadOnly && (
                  <Table.Th w={40}>
                    <span className="visually-hidden">Remove</span>
                  </Table.Th>
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row, index) => (
                <Table.Tr key={index}>
                  {fields.map((field) => (
                    <Table.Td key={field.key}>
                      <FieldInput
                        field={field}
                        value={row[field.key] ?? ""}
                        isReadOnly={isReadOnly}
                        label={`${field.label} of ${one} ${index + 1}`}
                        onChange={(value) => {
                          onChange(rows.with(index, { ...row, [field.key]: value }));
                        }}
                      />
                    </Table.Td>
                  ))}
                  {!isReadOnly && (
                    <Table.Td>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        aria-label={`Remove ${one} ${index + 1}`}
                        onClick={() => {
                          onChange(rows.toSpliced(index, 1));
                        }}
                      >
                        <IconTrash size={16} />
                      </ActionIcon>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {!isReadOnly && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => {
            onChange([...rows, {}]);
          }}
        >
          Add a {one}
        </Button>
      )}
    </Stack>
  );
}
