/** What became of a position, in one word and one colour. The word alone must be enough. */

export interface Verdict {
  readonly word: string;
  readonly color: "teal" | "yellow" | "red" | "grape" | "blue" | "gray";
}

const VERDICTS: Readonly<Record<string, Verdict>> = {
  flat: { word: "CLOSED", color: "teal" },
  dust: { word: "DUST LEFT", color: "yellow" }, // too small to close; flat only where it may stay
  reduced: { word: "REDUCED", color: "teal" },
  partial: { word: "PARTIAL", color: "yellow" },
  rejected: { word: "FAILED", color: "red" },
  unknown: { word: "UNKNOWN", color: "grape" },
  waiting_market: { word: "MARKET CLOSED", color: "blue" },
  excluded: { word: "LEFT ALONE", color: "gray" },
  cancelled: { word: "CANCELLED", color: "gray" },
};

/** Of an outcome of protocol.md, chapter 1; a word that is not known here stands for itself. */
export function verdictOf(outcome: string): Verdict {
  return VERDICTS[outcome] ?? { word: outcome.toUpperCase(), color: "gray" };
}
