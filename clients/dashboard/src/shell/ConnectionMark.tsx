import { Text } from "@mantine/core";

import { useConnection, useNow } from "../desk/hooks.ts";
import { formatAge } from "../words/format.ts";
import classes from "./Shell.module.css";

/** In the header, always: whether what is shown is what is. */
export function ConnectionMark() {
  const connection = useConnection();
  const now = useNow();
  const isLive = connection.is === "live";
  const age = connection.is === "stale" ? ` ${formatAge(now - connection.since)}` : "";
  return (
    <>
      <Text size="sm" className={classes.connection} data-live={isLive} aria-hidden>
        <span className={classes.dot} />
        {isLive ? <span className={classes.said}>Connected</span> : `Not live${age}`}
      </Text>
      <span role="status" className="visually-hidden">
        {isLive
          ? "Connected: what is shown is live."
          : "Connection lost: nothing that is shown is live."}
      </span>
    </>
  );
}
