"""The words that text keys of frames may be, where their Structs do not say so themselves."""

from __future__ import annotations

from typing import Final

from rpcserver.contract.shapes import Words
from rpcserver.core.records import OrderEnd
from rpcserver.core.report import Outcome
from rpcserver.server.channels import Channel
from rpcserver.wire import events, frames
from rpcserver.wire.errors import ERRORS

PROGRESS_EVENTS: Final = (
    "opened",
    "snapshot",
    "scope_widened",
    "account_failed",
    "found_more",
    "planned",
    "plan_completed",
    "canceling",
    "fence_passed",
    "sending",
    "working",
    "filled",
    "unknown",
    *(end.value for end in OrderEnd if end is not OrderEnd.FILLED),
    "position_adopted",
    "gate_closed",
    "gate_opened",
    "resolved",
    "verified",
    "leg_ended",
    "cancel_requested",
    "deadline_passed",
    "recovered",
)
OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
CHANNEL_ITEMS: Final = {
    Channel.POSITIONS: events.PositionItem,
    Channel.ORDERS: events.OrderItem,
    Channel.EXECUTIONS: events.ExecutionItem,
    Channel.OPERATIONS: events.OperationItem,
    Channel.ALERTS: events.AlertItem,
    Channel.AUDIT: events.AuditItem,
}
assert CHANNEL_ITEMS.keys() == set(Channel), "a channel has no items"

_CHANNELS = tuple(channel.value for channel in CHANNEL_ITEMS)

WORDS: Final[Words] = {
    frames.Subscribe: {"channels": _CHANNELS},
    frames.Unsubscribe: {"channels": _CHANNELS},
    frames.Subscribed: {"channels": _CHANNELS},
    frames.Unsubscribed: {"channels": _CHANNELS},
    frames.ProgressFrame: {
        "event": PROGRESS_EVENTS,
        "side": ("long", "short"),
    },
    frames.ErrorData: {"error": tuple(ERRORS)},
    frames.ErrorFrame: {"error": tuple(ERRORS)},
    events.PositionItem: {"side": ("long", "short", "flat")},
    events.OperationItem: {"status": ("running", "finished")},
}
