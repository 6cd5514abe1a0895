/** The lines of the list of operations: what was read, and what has happened since. */
import type { OperationAnswer, OperationItem } from "rpcclient";

export interface OperationRow {
  readonly operationId: string;
  readonly api: string;
  readonly principal: string;
  readonly openedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly isRunning: boolean;
  readonly success: boolean | undefined;
  readonly flat: boolean | undefined;
  readonly isDryRun: boolean;
  readonly legs: number | undefined;
  readonly reason: string;
  readonly error: string | undefined;
  readonly sandbox: boolean | undefined;
}

/** The newest first; what the channel tells is newer than what was read. */
export function rowsOf(
  read: readonly OperationAnswer[],
  live: readonly OperationItem[],
): OperationRow[] {
  const rows = new Map<string, OperationRow>();
  for (const one of read) rows.set(one.operationId, rowOfRead(one));
  for (const item of live) {
    const known = rows.get(item.operationId);
    if (known?.isRunning === false && item.status === "running") continue; // older than the page
    rows.set(item.operationId, rowOfLive(item, known));
  }
  return [...rows.values()].sort((one, other) =>
    (other.openedAt ?? "").localeCompare(one.openedAt ?? ""),
  );
}

/** What a line says of the end: a word that promises no more than the list knows. */
export function endOf(row: OperationRow): { readonly word: string; readonly color: string } {
  if (row.isRunning) return { word: "RUNNING", color: "blue" };
  if (row.isDryRun) return { word: "PLAN", color: "gray" };
  if (row.error !== undefined) {
    return { word: row.error.replaceAll("_", " ").toUpperCase(), color: "yellow" };
  }
  if (row.flat === true) return { word: "FLAT", color: "teal" };
  if (row.success === true) return { word: "DONE", color: "teal" };
  return { word: "NOT PROVEN", color: "red" };
}

function rowOfRead(one: OperationAnswer): OperationRow {
  return {
    operationId: one.operationId,
    api: one.api,
    principal: one.principal,
    openedAt: one.openedAt,
    finishedAt: one.finishedAt ?? undefined,
    isRunning: one.running,
    success: one.success ?? undefined,
    flat: one.flat ?? undefined,
    isDryRun: one.dryRun,
    legs: one.legs,
    reason: "",
    error: undefined,
    sandbox: one.sandbox,
  };
}

function rowOfLive(item: OperationItem, known: OperationRow | undefined): OperationRow {
  return {
    operationId: item.operationId,
    api: item.api,
    principal: item.principal,
    openedAt: item.openedAt ?? known?.openedAt,
    finishedAt: item.finishedAt ?? known?.finishedAt,
    isRunning: item.status === "running",
    success: item.success ?? known?.success,
    flat: item.flat ?? known?.flat,
    isDryRun: item.dryRun ?? known?.isDryRun ?? false,
    legs: item.legs ?? known?.legs,
    reason: item.reason ?? "",
    error: item.error,
    sandbox: item.sandbox ?? known?.sandbox,
  };
}
