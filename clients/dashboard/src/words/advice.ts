/** What to do about a leg that is not where it should be: one sentence for a person. */

interface Troubled {
  /** Undefined while it is at work. */
  readonly outcome: string | undefined;
  readonly reason: string | undefined;
}

export function adviseOn({ outcome, reason }: Troubled): string {
  switch (outcome) {
    case undefined:
      return "It is being worked on: nothing is sent twice.";
    case "unknown":
      return "An order may still be alive. Send no other in its place: see Orders, or ask again with the same call.";
    case "waiting_market":
      return "It is held until the market opens: press again then, or choose to wait for the open.";
    case "rejected":
      return reason === "insufficient_margin"
        ? "Nothing of it is at the venue. Free margin, or close what binds it first; then press again."
        : "Nothing of it is at the venue. Change what it refuses, then press again.";
    case "partial":
      return "The rest is still held: press again to close it.";
    case "dust":
      return "Less than the smallest order is left: close it at the venue, or choose to leave dust.";
    case "cancelled":
      return "It was cancelled before it was done: press again if it should be closed.";
    default:
      return "";
  }
}

/** Why, in words: the venue's own if there are any. */
export function sayWhy(leg: {
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}): string {
  const words = leg.reason?.replaceAll("_", " ") ?? "";
  if (leg.detail === undefined || leg.detail === "") return words;
  return words === "" ? leg.detail : `${words}: ${leg.detail}`;
}
