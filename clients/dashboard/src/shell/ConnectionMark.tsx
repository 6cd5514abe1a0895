import { Text } from "@mantine/core";

import { useConnection, useNow, useShown, useUnreached } from "../desk/hooks.ts";
import { formatAge } from "../words/format.ts";
import classes from "./Shell.module.css";

/** In the header, always: whether what is shown is what is. */
export function ConnectionMark() {
  const connection = useConnection();
  const shown = useShown();
  const { venues, isSilent } = useUnreached();
  const now = useNow();
  const isLive = shown.is === "live";
  const isWhole = isLive && venues.length === 0 && !isSilent;
  const age = connection.is === "stale" ? ` ${formatAge(now - connection.since)}` : "";
  const word =
    shown.is === "reading" ? (
      "Reading…"
    ) : (
      <span>
        Not live<span className={classes.said}>{age}</span>
      </span>
    );
  return (
    <>
      <Text size="sm" className={classes.connection} data-live={isWhole} aria-hidden>
        <span className={classes.dot} />
        {isLive ? (
          <span className={classes.said}>{isWhole ? "Connected" : "Not all live"}</span>
        ) : (
          word
        )}
      </Text>
      <span role="status" className="visually-hidden">
        {SAID[isLive && !isWhole ? "part" : shown.is]}
      </span>
    </>
  );
}

const SAID = {
  live: "Connected: what is shown is live.",
  part: "Connected, but a venue is not reached: what is shown from there is not live.",
  reading: "Connected: the accounts are being read. Nothing that is shown is live yet.",
  refused: "Connected, but not told what is held: nothing that is shown is live.",
  cut: "Connection lost: nothing that is shown is live.",
} as const;
