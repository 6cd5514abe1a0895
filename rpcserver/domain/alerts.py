"""Every alert by its stable code: the table of protocol.md, “Subscriptions and alerts”."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # exits
    "exit_failed": "an operation ended, and positions of this account are not closed, "
    "or it could not be read: `detail` names them",
    "bulk_exit": "an operation closes many positions of one account (`alerts.bulk_exit`)",
    "exit_retried": "what a close left open is being closed again",
    "unprotected": "a protective order was canceled and its position is not flat",
    "order_unknown": "an operation ended while an order of it may still be alive: "
    "no new risk there until that is known; or a client's own order is not found, "
    "and may still be taken late: see [`ResolveOrder`](#resolveorder)",
    "order_settled": "that order is known to have ended; the gate is open",
    "foreign_change": "a position changed by someone else's hand while it was being closed; "
    "the plan follows",
    "overfill": "a venue filled more than an order asked for",
    "refilled": "what had been closed was opened again, "
    "within the time that `stayFlatMs` asked for",
    # people
    "approval_required": "a closing call waits for a second person",
    "approved": "a second person confirmed it, and it is carried out",
    "broken_glass": "somebody closes without the second person that the call needs",
    "threshold_passed": "a closing call reaches a threshold of the policy, and goes on",
    "threshold_unmeasured": "a closing call could not be held against a threshold: "
    "something has no quote, or did not answer; it goes on",
    "entry_refused": "one address showed 20 wrong tokens in a minute, or very many addresses did",
    "panic_pressed": "`rpcserver panic` closed positions while no server ran; "
    "new risk is halted until a person releases it",
    # directives
    "halt_set": "new risk is halted: `detail` says where, by whom and why",
    "halt_released": "it is allowed again: `detail` says where, by whom and why",
    "halt_swept": "a halt that stands canceled orders that could open risk, "
    "after a restart or when a venue came back",
    "limit_passed": "a limit's amount was reached, and its rule acted",
    "day_start_carried": "nobody could read an account when a limit's day began: "
    "the last equity known before it is the day's start",
    "limit_unmeasured": "for 10 s a limit could not be held against anything: a figure is missing",
    "schedule_missed": "a flatten by time of day was not begun by its second deadline",
    "schedule_failed": "a flatten by time of day was not flat by its second deadline",
    "schedule_uncertain": "a rule's exchange calendar is known no more: every day counts",
    "deadman_fired": "a client fell silent, and its call was made",
    "deadman_failed": "a client fell silent, and its call was not admitted",
    "deadman_suspended": "the server stops while switches are armed: "
    "nobody watches until it starts",
    # venues and markets
    "venue_down": "a venue cannot be reached",
    "venue_up": "it can be reached again",
    "rejects_abnormal": "a venue refuses an abnormal share of its orders (`alerts.reject_share`)",
    "price_jumped": "a price jumped while its instrument was being closed (`alerts.price_jump`)",
    "spread_wide": "so did the spread widen (`alerts.wide_spread`)",
    "quotes_stale": "while an instrument was being closed its open market quoted nothing new "
    "(`alerts.stale_quotes`)",
    "quotes_missing": "while an instrument was being closed no quote of it could be read, "
    "or one side of it was missing",
    # the server itself
    "internal_error": "the server met an error of its own: `detail` says where, "
    "and by which `reference` the log tells of it",
    # the machine
    "clock_jumped": "the machine's wall clock jumped by a second or more: times around it in the "
    "audit are not to be trusted; deadlines do not care",
    "audit_not_pruned": "old entries of the audit could not be moved into an archive: "
    "all of them are kept",
    "disk_low": "the disk is nearly full: only exits are admitted",
    "webhook_failing": "a webhook has taken nothing for a minute; what it missed waits",
    "webhook_gave_up": "what a webhook did not take for too long is given up "
    "(`webhooks.*.keep`): read it with `ListAlerts`",
}
