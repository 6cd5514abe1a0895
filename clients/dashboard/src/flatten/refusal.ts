/** A press that came to nothing: what was said, and what to do about it. */
import { type ClientError, type ClosedAnswer, RpcError, TooLate } from "rpcclient";

import type { Story } from "../desk/story.ts";
import { isNothingSent } from "../operations/verdict.ts";

export interface Refusal {
  readonly code: string;
  readonly title: string;
  readonly text: string;
  /** What to do next, in one sentence. */
  readonly next: string;
  /** Whether it is known that nothing was sent. */
  readonly isNothingSent: boolean;
}

const WORDS: Readonly<Record<string, readonly [title: string, next: string]>> = {
  plan_changed: ["The plan has changed", "Look at the new plan, and hold again."],
  plan_expired: ["The plan was too old", "Look at the new plan, and hold again."],
  forbidden: ["Not allowed", "Another person or another role is needed."],
  reason_required: ["A reason is needed", "Say why, and hold again."],
  rate_limited: ["Too many calls", "Wait a moment, and hold again."],
  approval_expired: ["Nobody confirmed in time", "Plan it again if it is still wanted."],
  unknown_approval: ["Nothing waits under this code", "Plan it again if it is still wanted."],
  shutting_down: ["The server stops", "Come back when it has started again."],
  venue_unavailable: ["The venue is not reached", "Try again; the plan says what can be read."],
  repeat_partial: ["The same part was closed just now", "Plan it again, and hold if it is meant."],
};

/** Where the server may have done something before it said so. */
const UNCERTAIN: ReadonlySet<string> = new Set([
  "journal_broken",
  "internal",
  "outcome_unknown",
  "idempotency_expired",
  "unknown_operation",
]);

/** *wasAccepted*: the press had become an operation, and only the following of it is refused. */
function refusalOf(error: ClientError, wasAccepted = false): Refusal {
  if (error instanceof TooLate) {
    return {
      code: "too_late",
      title: "Not carried out: there was no connection",
      text: `Nobody can want a press any more that waited so long: ${error.message}.`,
      next: "Look at what is held now, and plan it again.",
      isNothingSent: true,
    };
  }
  if (!(error instanceof RpcError)) {
    return {
      code: "connection",
      title: "The connection has ended",
      text: error.message,
      next: "Sign in again, and look at Operations: whatever was accepted goes on.",
      isNothingSent: false,
    };
  }
  const { code, detail, data } = error;
  const retryAfterMs = data["retryAfterMs"];
  const wait =
    typeof retryAfterMs === "number" ? ` Wait ${(retryAfterMs / 1000).toFixed(1)} s.` : "";
  const [title, next] = WORDS[code] ?? [sentence(code), "Change what it says, and hold again."];
  if (wasAccepted || UNCERTAIN.has(code)) {
    return {
      code,
      title: wasAccepted
        ? "It was accepted, and cannot be followed here"
        : "It may or may not have begun",
      text: detail,
      next: "Look at Operations before you press again.",
      isNothingSent: false,
    };
  }
  return {
    code,
    title,
    text: `${detail === "" ? sentence(code) : detail}${wait}`,
    next,
    isNothingSent: true,
  };
}

/** Why a press came to nothing, or cannot be followed to its end. Undefined: neither. */
export function refusalOfPress({
  error,
  answer,
  operationId,
}: Pick<Story, "error" | "answer" | "operationId">): Refusal | undefined {
  if (error === undefined) return answer && cameToNothing(answer);
  // A refusal may name another operation, such as the one that it would repeat.
  const isAnother = error instanceof RpcError && error.data["operationId"] === operationId;
  return refusalOf(error, operationId !== undefined && !isAnother);
}

/** Why an operation came to nothing as a whole: nothing was sent. Undefined: it did not. */
function cameToNothing(answer: ClosedAnswer): Refusal | undefined {
  if (answer.error === undefined || !isNothingSent(answer)) return undefined;
  return refusalOf(new RpcError(answer.error, answer.detail ?? ""));
}

function sentence(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
