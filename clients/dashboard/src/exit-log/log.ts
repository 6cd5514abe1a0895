/** The lines that were read, the newest first, as pages and new ends come in. */
import type { ExitAnswer, ExitsAnswer, InstrumentSummary } from "rpcclient";

export interface Log {
  readonly exits: readonly ExitAnswer[];
  /** Where the next older page begins; undefined: there is none. */
  readonly next: number | undefined;
  /** Places in the audit of lines that came after the first look. */
  readonly fresh: ReadonlySet<number>;
  readonly summary: readonly InstrumentSummary[];
  /** How many exits the summary is made of. */
  readonly summarized: number;
}

/** The first look. */
export function begun(newest: ExitsAnswer): Log {
  return {
    exits: newest.exits,
    next: nextOf(newest),
    fresh: new Set(),
    summary: newest.summary ?? [],
    summarized: newest.summarized ?? 0,
  };
}

/** With the next older page. */
export function extended(log: Log, older: ExitsAnswer): Log {
  return { ...log, exits: [...log.exits, ...older.exits], next: nextOf(older) };
}

/** With what ended since, from the newest page read again. */
export function renewed(log: Log, newest: ExitsAnswer): Log {
  const known = new Set(log.exits.map(({ auditSeq }) => auditSeq));
  const ended = newest.exits.filter(({ auditSeq }) => !known.has(auditSeq));
  const again = begun(newest);
  const fresh = new Set([...log.fresh, ...ended.map(({ auditSeq }) => auditSeq)]);
  // More ended than one page holds: between it and what was read lines are missing.
  const isGap = known.size > 0 && ended.length === newest.exits.length && ended.length > 0;
  if (isGap && again.next !== undefined) return { ...again, fresh };
  return { ...again, exits: [...ended, ...log.exits], next: log.next, fresh };
}

/** With nothing marked as new. */
export function seen(log: Log): Log {
  return { ...log, fresh: new Set() };
}

function nextOf({ next }: ExitsAnswer): number | undefined {
  return next === undefined ? undefined : Number(next);
}
