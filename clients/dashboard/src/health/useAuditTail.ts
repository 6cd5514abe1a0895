import type { AuditItem } from "rpcclient";
import { useEffect, useState } from "react";

import { Board } from "../desk/board.ts";
import { useDesk, useRows } from "../desk/hooks.ts";

const RECORDS_MAX = 300;

/** The newest records of the audit, as they are written; for those who oversee. */
export function useAuditTail(): readonly AuditItem[] {
  const { client } = useDesk();
  const [board] = useState(() => new Board<AuditItem>((item) => String(item.auditSeq)));
  useEffect(() => {
    const subscription = client.subscribe(["audit"]);
    void (async () => {
      try {
        for await (const frame of subscription) {
          if (frame.type === "subscribed") board.replace(frame.snapshot.audit ?? []);
          if (frame.type === "event" && frame.channel === "audit") {
            for (const item of frame.items) board.put(item);
            board.trim(RECORDS_MAX);
          }
        }
      } catch {
        // It ends with the connection, whose state says why.
      }
    })();
    return () => {
      subscription.close();
    };
  }, [client, board]);
  return useRows(board);
}
