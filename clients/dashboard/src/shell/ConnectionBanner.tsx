import { Alert } from "@mantine/core";
import { IconCloudOff, IconPlugConnectedX } from "@tabler/icons-react";

import { useConnection, useDesk, useNow, useShown, useUnreached } from "../desk/hooks.ts";
import { formatAge, formatTime } from "../words/format.ts";
import classes from "./Shell.module.css";

/** Says that what is shown is old, and how old; nothing while it is not. */
export function ConnectionBanner() {
  const shown = useShown();
  switch (shown.is) {
    case "cut":
      return <Cut />;
    case "reading":
      return <Reading />;
    case "refused":
      return (
        <Banner title="Not told: nothing here is live">
          {`The server does not tell this page what is held: ${shown.why}. Load the page again.`}
        </Banner>
      );
    case "live":
      return <Unreached />;
  }
}

function Cut() {
  const connection = useConnection();
  const now = useNow();
  const since = connection.is === "stale" ? connection.since : undefined;
  return (
    <Banner title="Not connected: nothing here is live">
      {since === undefined
        ? "Connecting…"
        : `Last heard at ${formatTime(since)}, ${formatAge(now - since)} ago. Connecting again. Whatever was accepted goes on at the server.`}
    </Banner>
  );
}

/** At the very first, nothing is shown that could be mistaken. */
function Reading() {
  const { positions } = useDesk();
  if (!positions.board.isRead) return null;
  return (
    <Banner title="Connected, and reading every account: nothing here is live yet">
      What is shown is from before. Closing is possible: a plan reads what is held.
    </Banner>
  );
}

function Unreached() {
  const { venues, isSilent } = useUnreached();
  if (venues.length === 0 && !isSilent) return null;
  return (
    <Alert
      className={classes.banner}
      color="orange"
      role="status"
      icon={<IconCloudOff />}
      title={venues.length === 0 ? "The venues do not answer" : `Not reached: ${venues.join(", ")}`}
    >
      What is shown from there is as old as the last word, and not live.
    </Alert>
  );
}

interface BannerProps {
  readonly title: string;
  readonly children: string;
}

function Banner({ title, children }: BannerProps) {
  return (
    <Alert
      className={classes.banner}
      color="red.9"
      variant="filled"
      role="region" // the mark in the header tells it aloud, once
      icon={<IconPlugConnectedX />}
      title={title}
    >
      {children}
    </Alert>
  );
}
