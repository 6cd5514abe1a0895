import { Alert } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";

import { useConnection, useNow } from "../desk/hooks.ts";
import { formatDuration, formatTime } from "../words/format.ts";

/** Says that what is shown is old, and how old; nothing while it is not. */
export function ConnectionBanner() {
  const connection = useConnection();
  const now = useNow();
  if (connection.is === "live") return null;
  const since = connection.is === "stale" ? connection.since : undefined;
  return (
    <Alert
      color="red"
      variant="filled"
      mb="md"
      role="alert"
      icon={<IconPlugConnectedX />}
      title="Not connected: nothing here is live"
    >
      {since === undefined
        ? "Connecting…"
        : `Last heard at ${formatTime(since)}, ${formatDuration(now - since)} ago. Connecting again…`}
    </Alert>
  );
}
