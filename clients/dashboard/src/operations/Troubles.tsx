import { Alert, Text } from "@mantine/core";

import { adviseOn, sayWhy } from "../words/advice.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import type { LegRow } from "./legs.ts";
import classes from "./operations.module.css";

const SHOWN_MAX = 5;

interface TroublesProps {
  readonly rows: readonly LegRow[];
}

/** What fails, at once and before all else: which position, why, and what to do. */
export function Troubles({ rows }: TroublesProps) {
  const troubled = rows.filter((row) => row.isTroubled);
  if (troubled.length === 0) return null;
  return (
    <Alert
      color="red"
      role="alert"
      p="sm"
      title={
        troubled.length === 1 ? "One position needs you" : `${troubled.length} positions need you`
      }
    >
      <ul className={classes.troubles}>
        {troubled.slice(0, SHOWN_MAX).map((row) => (
          <li key={row.leg}>
            <div className={classes.troubleHead}>
              <b>
                {row.instrument} · {row.account} {row.side}
              </b>
              {row.outcome === undefined ? (
                <Text span size="sm">
                  {row.state}
                </Text>
              ) : (
                <OutcomeBadge outcome={row.outcome} />
              )}
              {row.remaining !== undefined && (
                <Text span size="sm">
                  {row.remaining} left
                </Text>
              )}
            </div>
            {sayWhy(row) !== "" && <Text size="sm">Why: {sayWhy(row)}.</Text>}
            <Text size="sm">{adviseOn(row)}</Text>
            {row.unprotected && (
              <Text size="sm" fw={600}>
                Its protective order was canceled: it stands without protection.
              </Text>
            )}
          </li>
        ))}
      </ul>
      {troubled.length > SHOWN_MAX && (
        <Text size="sm">and {troubled.length - SHOWN_MAX} more, below.</Text>
      )}
    </Alert>
  );
}
