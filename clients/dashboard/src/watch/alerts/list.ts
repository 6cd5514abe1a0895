/** Which alerts are shown, and in which order: what pages told and what was heard since, as one. */
import type { AlertItem } from "rpcclient";

import { withWord } from "../../desk/acknowledging.ts";
import { GRAVITIES, type Gravity, meaningOf } from "../../words/alerts.ts";

export interface AlertFilters {
  /** Empty texts narrow nothing. */
  readonly code: string;
  readonly account: string;
  /** Only those that nobody has acknowledged. */
  readonly isOpenOnly: boolean;
}

/** Alerts that *filters* let through, the newest first, each as it stands now. */
export function merged(
  paged: readonly AlertItem[],
  heard: readonly AlertItem[],
  filters: AlertFilters,
): readonly AlertItem[] {
  const found = new Map<number, AlertItem>();
  for (const alert of [...paged, ...heard]) {
    if (alert.acknowledges === undefined) found.set(alert.auditSeq, alert);
  }
  for (const word of heard) {
    const alert = found.get(word.acknowledges ?? 0);
    if (alert !== undefined) found.set(alert.auditSeq, withWord(alert, word));
  }
  return [...found.values()]
    .filter((alert) => isLetThrough(alert, filters))
    .sort((one, other) => other.auditSeq - one.auditSeq);
}

function isLetThrough(alert: AlertItem, { code, account, isOpenOnly }: AlertFilters): boolean {
  const wanted = account.trim().toLowerCase();
  const { venue = "", account: about = "" } = alert;
  const names = [about, `${venue}:${about}`].map((name) => name.toLowerCase());
  return (
    (code === "" || alert.code === code) &&
    (wanted === "" || names.includes(wanted)) &&
    !(isOpenOnly && alert.acknowledgedBy !== undefined)
  );
}

export function isOpen(alert: AlertItem): boolean {
  return alert.acknowledges === undefined && alert.acknowledgedBy === undefined;
}

/** How many are open, of each gravity. */
export function openCounts(alerts: readonly AlertItem[]): Readonly<Record<Gravity, number>> {
  const counts = { act: 0, look: 0, know: 0 };
  for (const alert of alerts) if (isOpen(alert)) counts[meaningOf(alert.code).gravity] += 1;
  return counts;
}

/** Those of each gravity, the gravest first; gravities of which there are none are left out. */
export function byGravity(
  alerts: readonly AlertItem[],
): readonly (readonly [Gravity, readonly AlertItem[]])[] {
  return GRAVITIES.map(
    (gravity) =>
      [gravity, alerts.filter(({ code }) => meaningOf(code).gravity === gravity)] as const,
  ).filter(([, some]) => some.length > 0);
}
