/** What went wrong since this page was opened, for as long as nobody has seen to it. */
import type { AlertItem, OperationItem } from "rpcclient";

import { meaningOf } from "../words/alerts.ts";
import { Board } from "./board.ts";

export interface NewsItem {
  readonly key: string;
  readonly title: string;
  readonly detail: string;
  readonly at: string | undefined;
  readonly operationIds: readonly string[];
}

/**
 * Told by alerts where they are heard; whoever may not hear them is told of its own operations.
 *
 * What was there before the page was opened is no news. What came while it was cut off is.
 */
export class News {
  readonly board: Board<NewsItem>;
  #newest: number | undefined; // place in the audit of the last alert that is no news any more
  readonly #ended = new Set<string>();

  constructor(soon?: (tell: () => void) => void) {
    this.board = new Board((item) => item.key, soon);
  }

  /** After each connection: everything that there is. */
  catchUp(alerts: readonly AlertItem[], operations: readonly OperationItem[], oversees: boolean) {
    if (this.#newest === undefined) {
      this.#newest = Math.max(0, ...alerts.map(({ auditSeq }) => auditSeq));
      for (const { operationId, status } of operations) {
        if (status !== "running") this.#ended.add(operationId);
      }
      return;
    }
    for (const alert of alerts) this.takeAlert(alert);
    if (!oversees) for (const operation of operations) this.takeOperation(operation);
  }

  takeAlert(alert: AlertItem): void {
    const key = `alert ${String(alert.acknowledges ?? alert.auditSeq)}`;
    if (alert.acknowledges !== undefined || alert.acknowledgedBy !== undefined) {
      this.board.remove(key);
      return;
    }
    if (alert.auditSeq <= (this.#newest ?? 0)) return;
    this.#newest = alert.auditSeq;
    const { gravity, title } = meaningOf(alert.code);
    if (gravity !== "act") return;
    const { detail, at, operationIds = [] } = alert;
    this.board.put({ key, title, detail, at, operationIds });
  }

  /** For those who hear no alerts. */
  takeOperation(operation: OperationItem): void {
    const { operationId, api, status, success, dryRun, error, finishedAt } = operation;
    if (status === "running" || dryRun === true || this.#ended.has(operationId)) return;
    this.#ended.add(operationId);
    if (success !== false) return;
    this.board.put({
      key: `operation ${operationId}`,
      title: meaningOf("exit_failed").title,
      detail:
        error === undefined
          ? `${api} ended, and not all of it is closed`
          : `${api}: ${error.replaceAll("_", " ")}`,
      at: finishedAt,
      operationIds: [operationId],
    });
  }
}
