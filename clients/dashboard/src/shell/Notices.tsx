import { Alert } from "@mantine/core";
import type { Notice } from "rpcclient";

import { useDesk, useRows } from "../desk/hooks.ts";

/** What the server says about itself: that it stops, or that its journal is broken. */
export function Notices() {
  const { notices } = useDesk();
  const rows = useRows(notices).filter(
    (row): row is Notice & { key: string } => row.type === "notice",
  );
  return rows.map((row) => (
    <Alert
      key={row.key}
      color="yellow"
      mb="md"
      role="status"
      title={row.notice.replaceAll("_", " ")}
      withCloseButton
      closeButtonLabel="Dismiss"
      onClose={() => {
        notices.remove(row.key);
      }}
    >
      {row.detail}
    </Alert>
  ));
}
