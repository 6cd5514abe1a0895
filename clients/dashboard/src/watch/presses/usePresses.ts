import { useEffect, useMemo, useState } from "react";

import { Board } from "../../desk/board.ts";
import { useDesk, useRows } from "../../desk/hooks.ts";
import { type Press, pressOf, pressOfOperation } from "./presses.ts";

const KEPT_MAX = 100;

/** Who pressed what, the newest first: the audit is listened to for as long as somebody looks. */
export function usePresses(): readonly Press[] {
  const { client, operations } = useDesk();
  const [board] = useState(() => new Board<Press>(({ key }) => key));
  useEffect(() => {
    const audit = client.subscribe(["audit"]);
    const listen = async () => {
      for await (const frame of audit) {
        const items =
          frame.type === "event" && frame.channel === "audit"
            ? frame.items
            : frame.type === "subscribed"
              ? (frame.snapshot.audit ?? [])
              : [];
        for (const press of items.map(pressOf)) if (press !== undefined) board.put(press);
        board.trim(KEPT_MAX);
      }
    };
    listen().catch(() => undefined); // it ends with the connection, whose state says why
    return () => {
      audit.close();
    };
  }, [client, board]);
  const directed = useRows(board);
  const opened = useRows(operations);
  return useMemo(() => {
    const presses = [...directed, ...opened.flatMap((each) => pressOfOperation(each) ?? [])];
    return presses
      .sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
      .slice(0, KEPT_MAX);
  }, [directed, opened]);
}
