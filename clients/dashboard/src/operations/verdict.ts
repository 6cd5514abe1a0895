/** What an operation came to, in one word: FLAT only where the server proved it. */

/** Of a final answer, or of `GetOperation`. */
export interface Ended {
  readonly success: boolean | null;
  readonly flat: boolean | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures?: readonly unknown[];
  readonly error?: string | null;
  readonly cancelled?: boolean;
  /** Orders that were canceled before anything was closed. Absent: not told. */
  readonly canceledOrderIds?: readonly string[];
}

export interface Verdict {
  readonly word: string;
  readonly color: "teal" | "yellow" | "red" | "grape" | "blue";
  readonly text: string;
}

/** Undefined while it runs. */
export function verdictOn(ended: Ended): Verdict | undefined {
  const { success, flat, counts, failures = [], error, cancelled } = ended;
  if (success === null || flat === null) return undefined;
  const legs = legsOf(ended);
  if (error !== undefined && error !== null && legs === 0) {
    const why = error.replaceAll("_", " ");
    if (isNothingSent(ended)) {
      return { word: "NOTHING DONE", color: "yellow", text: `${why}: nothing was sent.` };
    }
    const canceled = ended.canceledOrderIds?.length ?? 0;
    const orders =
      canceled > 0 ? `, but ${told(canceled, "order was", "orders were")} canceled` : "";
    return { word: "NOTHING CLOSED", color: "yellow", text: `${why}: no close was sent${orders}.` };
  }
  if (flat) {
    const text =
      legs === 0
        ? "There was nothing to close."
        : "Read at the venue after the last fill: nothing is left.";
    return { word: "FLAT", color: "teal", text };
  }
  const unknown = (counts["unknown"] ?? 0) + failures.length;
  if (unknown > 0) {
    return {
      word: "UNKNOWN",
      color: "grape",
      text: `${told(unknown, "result is", "results are")} not known: neither closed nor failed. Do not send your own order in its place.`,
    };
  }
  if (success) {
    return {
      word: "DONE",
      color: "teal",
      text: "Every position reached its target. The scope is not flat, as asked.",
    };
  }
  const left = legs - (counts["flat"] ?? 0) - (counts["reduced"] ?? 0) - (counts["excluded"] ?? 0);
  return {
    word: "NOT FLAT",
    color: "red",
    text: `${told(left, "position is", "positions are")} not closed${cancelled === true ? "; it was cancelled" : ""}.`,
  };
}

/** Whether it was refused as a whole, and is known to have sent neither a close nor a cancel. */
export function isNothingSent(ended: Ended): boolean {
  const isRefused = ended.error !== undefined && ended.error !== null;
  return isRefused && legsOf(ended) === 0 && ended.canceledOrderIds?.length === 0;
}

function legsOf({ counts }: Ended): number {
  return Object.values(counts).reduce((sum, many) => sum + many, 0);
}

function told(many: number, one: string, several: string): string {
  return `${many} ${many === 1 ? one : several}`;
}
