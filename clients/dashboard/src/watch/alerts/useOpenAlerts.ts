import { useMemo } from "react";

import { useDesk, useRows } from "../../desk/hooks.ts";
import type { Gravity } from "../../words/alerts.ts";
import { openCounts } from "./list.ts";

/** How many alerts nobody has acknowledged, and of each gravity; none where they are not heard. */
export function useOpenAlerts(): Readonly<Record<Gravity | "open", number>> {
  const rows = useRows(useDesk().alerts);
  return useMemo(() => {
    const counts = openCounts(rows);
    return { ...counts, open: counts.act + counts.look + counts.know };
  }, [rows]);
}
