import { Alert } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";

import { useConnection, useNow } from "../desk/hooks.ts";
import { formatAge, formatTime } from "../words/format.ts";
import classes from "./Shell.module.css";

/** Says that what is shown is old, and how old; nothing while it is not. */
export function ConnectionBanner() {
  const connection = useConnection();
  const now = useNow();
  if (connection.is === "live") return null;
  const since = connection.is === "stale" ? connection.since : undefined;
  return (
    <Alert
      className={classes.banner}
      color="red.9"
      variant="filled"
      role="region" // the mark in the header tells it aloud, once
      icon={<IconPlugConnectedX />}
      title="Not connected: nothing here is live"
    >
      {since === undefined
        ? "Connecting…"
        : `Last heard at ${formatTime(since)}, ${formatAge(now - since)} ago. Connecting again. Whatever was accepted goes on at the server.`}
    </Alert>
  );
}
