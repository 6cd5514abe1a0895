import { Badge } from "@mantine/core";
import type { ProgressEvent } from "rpcclient";

import type { PositionRow } from "../desk/positions.ts";
import { linkTo } from "../shell/route.ts";
import { OutcomeBadge } from "../words/OutcomeBadge.tsx";
import classes from "./positions.module.css";

const DOING: Partial<Record<ProgressEvent, string>> = {
  canceling: "cancelling orders",
  fence_passed: "orders are gone",
  sending: "sending",
  working: "at the venue",
  filled: "filling",
  unknown: "no answer",
  verified: "reading",
};

interface ExitCellProps {
  readonly row: PositionRow;
  readonly tabIndex: 0 | -1;
}

/** What is becoming of a position: the verdict is a link to the operation that says more. */
export function ExitCell({ row: { side, exit }, tabIndex }: ExitCellProps) {
  if (exit === undefined) {
    if (side !== "flat") return null;
    return (
      <Badge
        color="gray"
        variant="light"
        radius="sm"
        title="Closed by nothing that this page knows of"
      >
        Not held
      </Badge>
    );
  }
  const detail = exit.detail?.replaceAll("_", " ");
  return (
    <a
      href={linkTo("operations", exit.operationId)}
      tabIndex={tabIndex}
      className={classes.exit}
      title={detail}
    >
      {exit.outcome !== undefined ? (
        <OutcomeBadge outcome={exit.outcome} isLoud />
      ) : exit.event === "unknown" ? (
        <Badge color="grape" variant="light" radius="sm">
          No answer
        </Badge>
      ) : (
        <>closing… {DOING[exit.event]}</>
      )}
      {exit.outcome !== undefined && exit.outcome !== "flat" && detail !== undefined && (
        <span className={classes.why}>{detail}</span>
      )}
    </a>
  );
}
