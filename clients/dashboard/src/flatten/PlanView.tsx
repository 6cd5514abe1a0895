import { Alert, Badge, Group, Loader, Stack, Text } from "@mantine/core";
import type { PlanAnswer, PlannedLegAnswer } from "rpcclient";

import { explain, useNow } from "../desk/hooks.ts";
import { type Column, DataTable } from "../table/DataTable.tsx";
import { formatAge, formatCount, formatDuration } from "../words/format.ts";
import classes from "./flatten.module.css";
import { isClosed, isShut, strangersIn, totalsOf } from "./plan.ts";
import type { Planned } from "./usePlan.ts";

interface PlanViewProps {
  readonly planned: Planned;
  /** What is missing before there can be a plan. */
  readonly problem: string | undefined;
  /** The positions that the drawer was opened from. */
  readonly chosen: readonly string[] | undefined;
}

/** What would be done, before anything is: nothing is sent by looking at it. */
export function PlanView({ planned, problem, chosen }: PlanViewProps) {
  const { plan, error, isAsking } = planned;
  if (problem !== undefined) return <Text c="dimmed">{problem}</Text>;
  if (error !== undefined) {
    return (
      <Alert color="yellow" title="No plan" role="alert">
        {explain(error)}
      </Alert>
    );
  }
  if (plan === undefined) {
    return (
      <Group gap="xs" role="status">
        <Loader size="xs" />
        <Text c="dimmed">{isAsking ? "Planning…" : "Not connected: no plan."}</Text>
      </Group>
    );
  }
  const strangers = strangersIn(plan, chosen);
  return (
    <Stack gap="sm">
      <Summary plan={plan} planned={planned} />
      {planned.changes.length > 0 && (
        <Remark title="The plan has changed" color="yellow" lines={planned.changes} />
      )}
      {strangers.length > 0 && (
        <Remark
          title={`These filters reach ${strangers.length} more than you selected`}
          color="red"
          lines={strangers.map((leg) => `${leg.account} ${leg.instrument} ${leg.side}`)}
        />
      )}
      {plan.error !== undefined && (
        <Remark title="It cannot be planned" color="yellow" lines={[plan.detail ?? plan.error]} />
      )}
      {(plan.failures ?? []).length > 0 && (
        <Remark
          title="Not read: what these accounts hold is unknown"
          color="grape"
          lines={(plan.failures ?? []).map((f) => `${f.venue}:${f.account}: ${f.detail}`)}
        />
      )}
      {(plan.warnings ?? []).length > 0 && (
        <Remark title="Warnings" color="yellow" lines={plan.warnings ?? []} />
      )}
      <Taken what="From your preferences" options={plan.fromPreferences} />
      <Taken what="From the policy" options={plan.fromPolicy} />
      {plan.legs.length > 0 && (
        <DataTable
          label="Planned legs"
          rows={plan.legs}
          columns={COLUMNS}
          keyOf={(leg) => String(leg.leg)}
          empty="Nothing."
          {...(plan.legs.length > 8 ? { height: "20rem" } : {})}
          hasFilter={plan.legs.length > 20}
        />
      )}
      {plan.legsOmitted !== undefined && (
        <Text size="sm" c="dimmed">
          {formatCount(plan.legsOmitted)} more legs are planned and not shown.
        </Text>
      )}
    </Stack>
  );
}

function Summary({ plan, planned }: { readonly plan: PlanAnswer; readonly planned: Planned }) {
  const now = useNow();
  const { closing, accounts, cancels, shutMarkets, untouched } = totalsOf(plan);
  const many = closing + (plan.legsOmitted ?? 0);
  return (
    <div className={classes.summary}>
      <Figure value={formatCount(many)} what={many === 1 ? "position" : "positions"} />
      <Figure value={formatCount(accounts)} what={accounts === 1 ? "account" : "accounts"} />
      <Figure
        value={formatCount(cancels)}
        what={cancels === 1 ? "order to cancel" : "orders to cancel"}
      />
      <Figure
        value={plan.estimateMs === null ? "–" : formatDuration(plan.estimateMs)}
        what="estimated"
      />
      <div className={classes.marks}>
        {shutMarkets > 0 && (
          <Badge color="blue" variant="light" radius="sm">
            {shutMarkets} market closed
          </Badge>
        )}
        {untouched > 0 && (
          <Badge color="gray" variant="light" radius="sm">
            {untouched} left alone
          </Badge>
        )}
        {plan.sandbox === false && (
          <Badge color="red" variant="light" radius="sm">
            Live
          </Badge>
        )}
        <Text size="xs" c="dimmed">
          {planned.isAsking ? "Planning again…" : `Planned ${formatAge(now - planned.askedAt)} ago`}
        </Text>
      </div>
    </div>
  );
}

function Figure({ value, what }: { readonly value: string; readonly what: string }) {
  return (
    <div>
      <Text fw={700} size="xl" lh={1.1}>
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {what}
      </Text>
    </div>
  );
}

interface RemarkProps {
  readonly title: string;
  readonly color: string;
  readonly lines: readonly string[];
}

const LINES_MAX = 6;

export function Remark({ title, color, lines }: RemarkProps) {
  return (
    <Alert color={color} title={title} role="status" p="sm">
      <ul className={classes.lines}>
        {lines.slice(0, LINES_MAX).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {lines.length > LINES_MAX && `and ${lines.length - LINES_MAX} more`}
    </Alert>
  );
}

interface TakenProps {
  readonly what: string;
  readonly options: Readonly<Record<string, unknown>> | undefined;
}

/** Options that the call left out, and what they were taken to be. */
function Taken({ what, options }: TakenProps) {
  const names = Object.entries(options ?? {});
  if (names.length === 0) return null;
  return (
    <Text size="sm" c="dimmed">
      {what}: {names.map(([name, value]) => `${name} ${sayOption(value)}`).join(" · ")}
    </Text>
  );
}

function sayOption(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const COLUMNS: readonly Column<PlannedLegAnswer>[] = [
  {
    id: "instrument",
    header: "Instrument",
    value: (leg) => leg.instrument,
    grow: 3,
    width: "8rem",
  },
  {
    id: "account",
    header: "Account",
    value: (leg) => leg.account,
    grow: 2,
    under: "instrument",
  },
  {
    id: "held",
    header: "Held",
    value: (leg) => Number(leg.quantity),
    cell: (leg) => `${leg.side} ${leg.quantity}`,
    isFigure: true,
    grow: 2,
  },
  {
    id: "close",
    header: "Close",
    value: (leg) => Number(leg.plannedQuantity),
    cell: (leg) => (leg.excluded === true ? "–" : leg.plannedQuantity),
    isFigure: true,
    grow: 2,
  },
  {
    id: "cancels",
    width: "4.5rem",
    header: "Cancels",
    value: (leg) => leg.cancels?.length ?? 0,
    cell: (leg) => (leg.cancels === undefined ? "" : String(leg.cancels.length)),
    isFigure: true,
    isExtra: true,
  },
  {
    id: "market",
    header: "Market",
    value: (leg) => leg.market?.phase,
    cell: (leg) => <MarketCell leg={leg} />,
    grow: 3,
    width: "8rem",
  },
  { id: "note", header: "Note", value: noteOf, grow: 2, isExtra: true },
];

function MarketCell({ leg }: { readonly leg: PlannedLegAnswer }) {
  const { market } = leg;
  if (market === undefined) return "–";
  if (isShut(leg)) {
    return (
      <Badge color="blue" variant="light" radius="sm">
        {market.phase}
      </Badge>
    );
  }
  return `${market.bid ?? "–"} / ${market.ask ?? "–"}`;
}

function noteOf(leg: PlannedLegAnswer): string {
  const told: string[] = [];
  if (leg.excluded === true) told.push("left alone");
  else if (!isClosed(leg)) told.push("nothing to close");
  if (leg.joined === true) told.push("being closed already");
  if (leg.detail !== undefined) told.push(leg.detail);
  else if (leg.reason !== undefined) told.push(leg.reason.replaceAll("_", " "));
  return told.join(", ");
}
