import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ClientError, QueryAuditArgs } from "rpcclient";
import { useState } from "react";

import { useDesk } from "../desk/hooks.ts";
import { formatCount } from "../words/format.ts";
import { type Format, headOf, lineOf, MEDIA_TYPES, readAll } from "./export.ts";

const FORMATS: readonly (readonly [Format, string])[] = [
  ["csv", "CSV, for spreadsheets"],
  ["jsonl", "JSON lines, for programs"],
];

interface ExportMenuProps {
  readonly query: QueryAuditArgs;
  readonly onError: (error: ClientError | undefined) => void;
}

/** Every line that the filters let through, read page by page and given as a file. */
export function ExportMenu({ query, onError }: ExportMenuProps) {
  const { client } = useDesk();
  const [lines, setLines] = useState<number>();
  const save = async (format: Format) => {
    setLines(0);
    onError(undefined);
    try {
      const exits = await readAll(query, {
        query: (args) => client.call("QueryAudit", args),
        onPage: setLines,
      });
      const parts = [headOf(format), ...exits.map((exit) => lineOf(format, exit))];
      offer(new Blob(parts, { type: MEDIA_TYPES[format] }), `exits-${stamp()}.${format}`);
    } catch (error) {
      onError(error as ClientError);
    }
    setLines(undefined);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconDownload size={16} />}
          disabled={lines !== undefined}
        >
          {lines === undefined ? "Export" : `${formatCount(lines)} lines…`}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map(([format, name]) => (
          <Menu.Item key={format} onClick={() => void save(format)}>
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function offer(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Of now, in UTC, as the times in the file: `20251120T150405Z`. */
function stamp(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, "");
}
