/** The columns of the map. */
import { IconHandStop } from "@tabler/icons-react";
import type { HaltsAnswer } from "rpcclient";

import type { PositionRow } from "../desk/positions.ts";
import type { Column } from "../table/DataTable.tsx";
import { Moving } from "../table/Moving.tsx";
import { formatMoney, formatPrice, formatTime } from "../words/format.ts";
import { ExitCell } from "./ExitCell.tsx";
import { haltsOver, type StopMap, stopsOf } from "./guards.ts";
import classes from "./positions.module.css";
import { standingOf } from "./standing.ts";
import { describeProfits, profitsOf } from "./summary.ts";

export interface Knowledge {
  readonly stops: StopMap;
  readonly halts: HaltsAnswer["halts"];
  /** Whether some accounts are real and others are not: then each says which it is. */
  readonly isMixed: boolean;
  /** Whether there is more than one. */
  readonly hasVenues: boolean;
  /** Undefined where this token may not. */
  readonly flatten: ((row: PositionRow) => void) | undefined;
}

type PositionColumn = Column<PositionRow>;

export function columnsFor(known: Knowledge): readonly PositionColumn[] {
  const columns: PositionColumn[] = [
    INSTRUMENT,
    account(known),
    ...(known.hasVenues ? [venue(known.isMixed)] : []),
    SIDE,
    QUANTITY,
    AVERAGE,
    MARKET,
    PROFIT,
    stop(known.stops),
    EXIT,
  ];
  return known.flatten === undefined ? columns : [...columns, action(known.flatten)];
}

const INSTRUMENT: PositionColumn = {
  id: "instrument",
  header: "Instrument",
  value: (row) => row.instrument,
  cell: ({ instrument, product }) => (
    <>
      <strong className={classes.instrument} title={instrument}>
        {instrument}
      </strong>
      {product !== undefined && <span className={classes.aside}> {product.toLowerCase()}</span>}
    </>
  ),
  grow: 2.2,
  width: "11.5rem",
};

function account(known: Knowledge): PositionColumn {
  return {
    id: "account",
    header: "Account",
    value: (row) => row.account,
    cell: (row) => {
      const halts = known.halts.length === 0 ? [] : haltsOver(row, known.halts);
      if (halts.length === 0) return row.account;
      const why = halts.map(({ reason }) => reason).join("; ");
      return (
        <span title={`Halted: ${why}`}>
          {row.account} <IconHandStop size={14} className={classes.halt} aria-hidden />
          <span className="visually-hidden">halted: {why}</span>
        </span>
      );
    },
    under: "instrument",
    width: "5.5rem",
  };
}

function venue(isMixed: boolean): PositionColumn {
  return {
    id: "venue",
    header: "Venue",
    value: (row) => row.venue,
    cell: ({ venue: name, sandbox }) =>
      !isMixed || sandbox === undefined ? (
        name
      ) : (
        <>
          {name}{" "}
          <span className={classes.mode} data-live={!sandbox}>
            {sandbox ? "paper" : "LIVE"}
          </span>
        </>
      ),
    isExtra: true,
  };
}

const SIDE: PositionColumn = {
  id: "side",
  header: "Side",
  value: (row) => row.side,
  cell: ({ side, was }) =>
    side === "flat" ? (
      <span className={classes.aside}>{was === undefined ? "flat" : `was ${was}`}</span>
    ) : (
      <span className={classes[side]}>{side}</span>
    ),
  under: "quantity",
  grow: 0.6,
  width: "5rem",
};

const QUANTITY: PositionColumn = {
  id: "quantity",
  header: "Size",
  value: (row) => Number(row.quantity),
  cell: (row) => row.quantity,
  isFigure: true,
  grow: 0.8,
  width: "4.4rem",
};

const AVERAGE: PositionColumn = {
  id: "average",
  header: "Average",
  value: (row) => row.averagePrice,
  cell: (row) => formatPrice(row.averagePrice),
  isFigure: true,
  isExtra: true,
  width: "6.6rem",
};

const MARKET: PositionColumn = {
  id: "market",
  header: "Market",
  value: (row) => row.marketPrice,
  cell: (row) =>
    row.marketPrice === undefined ? (
      "–"
    ) : (
      <span className={row.isQuoted ? undefined : classes.old} title={ageOf(row)}>
        <Moving value={row.marketPrice}>{formatPrice(row.marketPrice)}</Moving>
      </span>
    ),
  isFigure: true,
  under: "profit",
  width: "6.6rem",
};

const PROFIT: PositionColumn = {
  id: "profit",
  header: "P&L",
  value: (row) => row.profit,
  cell: (row) => {
    const { profit, currency } = row;
    if (profit === undefined) return "–";
    const isLive = row.isQuoted && row.perPoint !== undefined;
    return (
      <span className={isLive ? undefined : classes.old} title={isLive ? undefined : asOf(row)}>
        <Moving value={profit}>
          <span className={profit < 0 ? classes.loss : profit > 0 ? classes.win : undefined}>
            {formatMoney(profit)}
          </span>
        </Moving>
        <span className={classes.currency}>{currency}</span>
      </span>
    );
  },
  total: (rows) => describeProfits(profitsOf(rows)),
  isFigure: true,
  grow: 2,
  width: "9.6rem",
};

function stop(stops: StopMap): PositionColumn {
  return {
    id: "stop",
    header: "Stop",
    value: (row) => stopsOf(row, stops)?.price,
    cell: (row) => {
      if (row.side === "flat") return null;
      const found = stopsOf(row, stops);
      if (found === undefined) return <span className={classes.aside}>none</span>;
      const covers = found.quantity < Number(row.quantity);
      return (
        <>
          {formatPrice(found.price)}
          {covers && <span className={classes.aside}> for {found.quantity}</span>}
        </>
      );
    },
    isFigure: true,
    isExtra: true,
    width: "6.2rem",
  };
}

const EXIT: PositionColumn = {
  id: "exit",
  header: "Exit",
  value: (row) => (standingOf(row) === "held" ? undefined : (row.exit?.outcome ?? "closing")),
  cell: (row, tabIndex) => <ExitCell row={row} tabIndex={tabIndex} />,
  under: "instrument",
  isUrgent: true,
  grow: 2,
  width: "9rem",
};

function action(flatten: (row: PositionRow) => void): PositionColumn {
  return {
    id: "action",
    header: "Action",
    value: () => undefined,
    cell: (row, tabIndex) =>
      row.side !== "flat" && (
        <button
          type="button"
          className={classes.flatten}
          tabIndex={tabIndex}
          aria-label={`Flatten ${row.instrument} of ${row.account}, ${row.side}`}
          onClick={() => {
            flatten(row);
          }}
        >
          Flatten
        </button>
      ),
    isPlain: true,
    isExtra: true,
    width: "5rem",
  };
}

function ageOf(row: PositionRow): string | undefined {
  return row.isQuoted ? undefined : asOf(row);
}

function asOf({ updatedAt }: PositionRow): string {
  return `As of ${formatTime(updatedAt)}: it does not follow the market`;
}
