/** The first line that the eye meets: how much is held, what it is worth, and what went wrong. */
import type { ReactNode } from "react";

import { formatCount, formatMoney } from "../words/format.ts";
import classes from "./positions.module.css";
import type { Summary } from "./summary.ts";

interface SummaryLineProps {
  readonly summary: Summary;
  readonly venues: readonly string[];
  /** Accounts that could not be read: what they hold is in no figure here. */
  readonly unread: number;
}

export function SummaryLine({ summary, venues, unread }: SummaryLineProps) {
  const { long, short, standings, profits } = summary;
  const isUnsure = standings.unknown + standings.unanswered;
  return (
    <dl className={classes.summary} aria-label="Summary">
      {isUnsure > 0 && <Figure name="UNKNOWN" value={formatCount(isUnsure)} tone="unsure" />}
      {standings.failed > 0 && (
        <Figure name="FAILED" value={formatCount(standings.failed)} tone="bad" />
      )}
      <Figure
        name="Held"
        value={unread > 0 && long + short === 0 ? "–" : formatCount(long + short)}
      >
        {long + short > 0 && `${formatCount(long)} long · ${formatCount(short)} short`}
        {venues.length > 0 && ` at ${venues.join(", ")}`}
        {unread > 0 &&
          ` · ${formatCount(unread)} ${unread === 1 ? "account" : "accounts"} not read`}
      </Figure>
      {profits.map(({ currency, amount, missing }) => (
        <Figure
          key={currency}
          name={`P&L ${currency}`.trim()}
          value={formatMoney(amount)}
          tone={toneOfAmount(amount)}
        >
          {missing > 0 && `${formatCount(missing)} not priced`}
        </Figure>
      ))}
      {standings.closing > 0 && (
        <Figure name="Closing" value={formatCount(standings.closing)} tone="busy" />
      )}
      {standings.closed > 0 && (
        <Figure name="Closed" value={formatCount(standings.closed)} tone="win" />
      )}
    </dl>
  );
}

function toneOfAmount(amount = 0): "win" | "loss" | undefined {
  if (amount === 0) return undefined;
  return amount < 0 ? "loss" : "win";
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly tone?: "win" | "loss" | "busy" | "unsure" | "bad" | undefined;
  readonly children?: ReactNode;
}

function Figure({ name, value, tone, children }: FigureProps) {
  return (
    <div className={classes.figure} data-tone={tone}>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{children}</small>
      </dd>
    </div>
  );
}
