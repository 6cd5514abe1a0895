/** What alerts are called, and how soon somebody must look: every code of protocol.md, chapter 9. */

/** `act`: now, somebody must; `look`: soon, somebody should; `know`: it is good to know. */
export type Gravity = "act" | "look" | "know";

export interface Meaning {
  readonly gravity: Gravity;
  readonly title: string;
}

export const GRAVITIES: readonly Gravity[] = ["act", "look", "know"];

export const GRAVITY_WORDS: Readonly<Record<Gravity, string>> = {
  act: "Act now",
  look: "Look at it",
  know: "For your knowledge",
};

export const MEANINGS: Readonly<Record<string, Meaning>> = {
  exit_failed: { gravity: "act", title: "Exit not complete" },
  unprotected: { gravity: "act", title: "Position without protection" },
  order_unknown: { gravity: "act", title: "Order of unknown fate" },
  overfill: { gravity: "act", title: "Filled more than asked" },
  refilled: { gravity: "act", title: "Opened again after the close" },
  approval_required: { gravity: "act", title: "Waits for a second person" },
  panic_pressed: { gravity: "act", title: "Panic was pressed" },
  limit_passed: { gravity: "act", title: "Limit passed" },
  limit_unmeasured: { gravity: "act", title: "Limit cannot be measured" },
  schedule_missed: { gravity: "act", title: "Scheduled flatten missed" },
  schedule_failed: { gravity: "act", title: "Scheduled flatten not flat in time" },
  deadman_fired: { gravity: "act", title: "Dead-man's switch fired" },
  deadman_failed: { gravity: "act", title: "Dead-man's switch could not close" },
  venue_down: { gravity: "act", title: "Venue cannot be reached" },
  internal_error: { gravity: "act", title: "The server met an error of its own" },
  disk_low: { gravity: "act", title: "Disk nearly full" },
  bulk_exit: { gravity: "look", title: "Many positions are being closed" },
  foreign_change: { gravity: "look", title: "Position changed by another hand" },
  broken_glass: { gravity: "look", title: "Somebody goes without a second person" },
  threshold_passed: { gravity: "look", title: "Threshold passed" },
  threshold_unmeasured: { gravity: "look", title: "Threshold not measured" },
  entry_refused: { gravity: "look", title: "Wrong tokens are tried" },
  halt_set: { gravity: "look", title: "New risk halted" },
  halt_released: { gravity: "look", title: "Halt released" },
  halt_swept: { gravity: "look", title: "Halt canceled orders" },
  day_start_carried: { gravity: "look", title: "Day's loss counted from before it began" },
  schedule_uncertain: { gravity: "look", title: "Exchange calendar not known" },
  deadman_suspended: { gravity: "look", title: "Switches were not watched" },
  rejects_abnormal: { gravity: "look", title: "Venue refuses many orders" },
  price_jumped: { gravity: "look", title: "Price jumped" },
  spread_wide: { gravity: "look", title: "Spread is wide" },
  quotes_stale: { gravity: "look", title: "Quotes stand still" },
  quotes_missing: { gravity: "look", title: "Quotes are missing" },
  clock_jumped: { gravity: "look", title: "The server's clock jumped" },
  audit_not_pruned: { gravity: "look", title: "Old entries not archived" },
  webhook_failing: { gravity: "look", title: "Webhook does not answer" },
  webhook_gave_up: { gravity: "look", title: "Webhook missed alerts" },
  exit_retried: { gravity: "know", title: "Exit tried again" },
  order_settled: { gravity: "know", title: "Order's fate is known" },
  approved: { gravity: "know", title: "Confirmed by a second person" },
  venue_up: { gravity: "know", title: "Venue is reached again" },
};

/** Of a code; one that is not known here is looked at, under its own name. */
export function meaningOf(code: string): Meaning {
  return MEANINGS[code] ?? { gravity: "look", title: code.replaceAll("_", " ") };
}
