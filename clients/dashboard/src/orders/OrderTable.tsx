import { Button } from "@mantine/core";
import { useMemo } from "react";

import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatPrice, formatTime } from "../words/format.ts";
import { isWorking, type OrderLine, priceOf, statusWord, typeWord } from "./lines.ts";

interface OrderTableProps {
  readonly label: string;
  readonly lines: readonly OrderLine[];
  readonly empty: string;
  readonly onOpen: (line: OrderLine) => void;
  /** Undefined where nothing is to be canceled. */
  readonly onCancel?: (line: OrderLine) => void;
  /** Why nothing can be canceled now. */
  readonly obstacle?: string | undefined;
}

const COLUMNS: readonly Column<OrderLine>[] = [
  {
    id: "time",
    header: "Time",
    value: (line) => line.at,
    cell: (line) => formatTime(line.at),
    under: "side",
  },
  { id: "account", header: "Account", value: (line) => line.account, under: "instrument" },
  { id: "instrument", header: "Instrument", value: (line) => line.instrument, grow: 1.8 },
  { id: "side", header: "Side", value: (line) => line.side, width: "3rem" },
  { id: "type", header: "Type", value: (line) => typeWord(line.type), isExtra: true },
  {
    id: "quantity",
    header: "Quantity",
    value: (line) => Number(line.quantity),
    cell: (line) => line.quantity,
    isFigure: true,
  },
  {
    id: "filled",
    header: "Filled",
    value: (line) => Number(line.filled),
    cell: (line) => line.filled,
    isFigure: true,
    under: "quantity",
  },
  {
    id: "price",
    header: "Price",
    value: (line) => Number(line.limitPrice ?? line.stopPrice ?? line.averagePrice),
    cell: (line) =>
      isWorking(line) || line.averagePrice === undefined
        ? priceOf(line, formatPrice) || "–"
        : formatPrice(Number(line.averagePrice)),
    isFigure: true,
    grow: 1.9,
  },
  {
    id: "status",
    header: "Status",
    value: (line) => statusWord(line.status),
    cell: (line) =>
      line.reduceOnly ? `${statusWord(line.status)}, reduce only` : statusWord(line.status),
    grow: 2,
    under: "price",
  },
  { id: "tag", header: "Tag", value: (line) => line.tag, isExtra: true },
];

/** Orders, working or not. */
export function OrderTable({ label, lines, empty, onOpen, onCancel, obstacle }: OrderTableProps) {
  const columns = useMemo(() => {
    if (onCancel === undefined) return COLUMNS;
    const cancel: Column<OrderLine> = {
      id: "cancel",
      header: "Cancel",
      value: () => undefined,
      isPlain: true,
      isExtra: true, // on a phone a row is opened first, and canceled there
      width: "5.5rem",
      cell: (line, tabIndex) => (
        <Button
          size="compact-xs"
          variant="default"
          tabIndex={tabIndex}
          disabled={obstacle !== undefined}
          title={obstacle}
          aria-label={`Cancel ${line.side} ${line.quantity} ${line.instrument} in ${line.account}`}
          onClick={(event) => {
            event.stopPropagation();
            onCancel(line);
          }}
        >
          Cancel…
        </Button>
      ),
    };
    return [...COLUMNS, cancel];
  }, [onCancel, obstacle]);
  return (
    <DataTable
      label={label}
      rows={lines}
      columns={columns}
      keyOf={(line) => line.key}
      empty={empty}
      onOpen={onOpen}
      sort={{ id: "time", desc: true }}
      hasFilter
    />
  );
}
