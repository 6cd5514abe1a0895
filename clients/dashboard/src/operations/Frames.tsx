import { Button, Group } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useMemo } from "react";
import type { ProgressFrame } from "rpcclient";

import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatCount, formatDuration } from "../words/format.ts";

interface FramesProps {
  readonly frames: readonly ProgressFrame[];
  readonly operationId: string;
}

/** Every step as it was told, to be filtered, copied and kept. */
export function Frames({ frames, operationId }: FramesProps) {
  const clipboard = useClipboard({ timeout: 2000 });
  const since = Date.parse(frames[0]?.at ?? "");
  const columns = useMemo(() => columnsSince(since), [since]);
  return (
    <DataTable
      label="Frames"
      rows={[...frames]}
      columns={columns}
      keyOf={(frame) => String(frame.seq)}
      empty="No frame was told yet."
      sort={{ id: "seq", desc: false }}
      {...(frames.length > 16 ? { height: "60dvh" } : {})}
      hasFilter
      toolbar={
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              clipboard.copy(linesOf(frames));
            }}
          >
            {clipboard.copied ? `Copied ${formatCount(frames.length)} lines` : "Copy as JSON lines"}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              save(linesOf(frames), `${operationId}.jsonl`);
            }}
          >
            Save
          </Button>
        </Group>
      }
    />
  );
}

function linesOf(frames: readonly ProgressFrame[]): string {
  return frames.map((frame) => `${JSON.stringify(frame)}\n`).join("");
}

/** Also where the clipboard is not allowed: on plain `http:` beyond this machine. */
function save(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

function columnsSince(since: number): readonly Column<ProgressFrame>[] {
  return [
    { id: "seq", header: "Step", value: (frame) => frame.seq, isFigure: true, width: "3.5rem" },
    {
      id: "at",
      header: "After",
      value: (frame) => Date.parse(frame.at),
      cell: (frame) => formatDuration(Math.max(0, Date.parse(frame.at) - since)),
      isFigure: true,
      width: "5rem",
    },
    {
      id: "event",
      header: "Event",
      value: (frame) => frame.event.replaceAll("_", " "),
      grow: 2,
      width: "7.5rem",
    },
    { id: "leg", header: "Leg", value: (frame) => frame.leg, isFigure: true, isExtra: true },
    {
      id: "what",
      header: "Instrument",
      value: (frame) => frame.instrument ?? frame.account,
      grow: 2,
      width: "8rem",
    },
    { id: "account", header: "Account", value: (frame) => frame.account, isExtra: true, grow: 1.5 },
    figure("quantity", "Quantity", (frame) => frame.quantity),
    figure("filled", "Filled", (frame) => frame.filled),
    figure("remaining", "Left", (frame) => frame.remaining),
    {
      id: "words",
      header: "Words",
      value: (frame) =>
        [frame.outcome, frame.reason, frame.detail]
          .filter((text) => text !== undefined)
          .join(": ")
          .replaceAll("_", " "),
      grow: 3,
      isExtra: true,
    },
    { id: "order", header: "Order", value: (frame) => frame.orderId, isExtra: true, grow: 2 },
  ];
}

function figure(
  id: string,
  header: string,
  of: (frame: ProgressFrame) => string | undefined,
): Column<ProgressFrame> {
  return {
    id,
    header,
    value: (frame) => (of(frame) === undefined ? undefined : Number(of(frame))),
    cell: (frame) => of(frame) ?? "",
    isFigure: true,
    isExtra: true,
  };
}
