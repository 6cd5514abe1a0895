"""
Failpoints: the places at which a server may die, freeze or meet a bug, each by its name.

Nothing in the program knows of them. `trapped_server` wraps the ports of the real one and passes
each place by name; `test_failpoints` goes through the whole table, once for each action.

* `KIND.before_commit`, `.after_commit`: the journal is about to append, or has just appended, a
  batch with a record of this kind.
* `METHOD.called`, `.returned`: the driver calls the venue's adapter; the answer is not yet fed.
* `MESSAGE.leaving`, `.left`, `.answered`: its bytes are about to leave for the venue process, have
  left; its answer has arrived. Between the last check and the wire lies `submit.leaving`.
* `FRAME.telling`, `.told`: the frame is about to be written to a client, or was.
* `unfinished.reading`, `.read`: a start is about to read what an earlier life left, or has.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

TRAP_VARIABLE = "FAILPOINT_TRAP"


class Story(enum.Enum):
    """What is under way, so that a failpoint is reached."""

    CLOSING = "closing"  # two accounts are flattened, a stop is canceled on the way
    HALVING = "halving"  # half is closed: a stop that is too large is changed in place
    RECOVERY = "recovery"  # an earlier life was killed with an order on its way


FAILPOINTS: Mapping[str, Story] = {
    "operation_opened.before_commit": Story.CLOSING,
    "operation_opened.after_commit": Story.CLOSING,
    "snapshot_taken.before_commit": Story.CLOSING,
    "snapshot_taken.after_commit": Story.CLOSING,
    "operation_planned.before_commit": Story.CLOSING,
    "operation_planned.after_commit": Story.CLOSING,
    "fence_raised.before_commit": Story.CLOSING,
    "fence_raised.after_commit": Story.CLOSING,
    "order_intended.before_commit": Story.CLOSING,
    "order_intended.after_commit": Story.CLOSING,
    "fill_counted.before_commit": Story.CLOSING,
    "fill_counted.after_commit": Story.CLOSING,
    "leg_ended.before_commit": Story.CLOSING,
    "leg_ended.after_commit": Story.CLOSING,
    "operation_finished.before_commit": Story.CLOSING,
    "operation_finished.after_commit": Story.CLOSING,
    "submit_order.called": Story.CLOSING,
    "submit_order.returned": Story.CLOSING,
    "cancel_order.called": Story.CLOSING,
    "cancel_order.returned": Story.CLOSING,
    "change_order.called": Story.HALVING,
    "change_order.returned": Story.HALVING,
    "query_order.called": Story.RECOVERY,
    "query_order.returned": Story.RECOVERY,
    "snapshot.called": Story.CLOSING,
    "snapshot.returned": Story.CLOSING,
    "accounts.called": Story.CLOSING,
    "submit.leaving": Story.CLOSING,
    "submit.left": Story.CLOSING,
    "submit.answered": Story.CLOSING,
    "cancel.leaving": Story.CLOSING,
    "cancel.left": Story.CLOSING,
    "cancel.answered": Story.CLOSING,
    "change.leaving": Story.HALVING,
    "change.left": Story.HALVING,
    "change.answered": Story.HALVING,
    "query.left": Story.RECOVERY,
    "query.answered": Story.RECOVERY,
    "event.heard": Story.CLOSING,
    "accepted.telling": Story.CLOSING,
    "accepted.told": Story.CLOSING,
    "progress.telling": Story.CLOSING,
    "progress.told": Story.CLOSING,
    "final.telling": Story.CLOSING,
    "final.told": Story.CLOSING,
    "unfinished.reading": Story.RECOVERY,
    "unfinished.read": Story.RECOVERY,
    "recovered.before_commit": Story.RECOVERY,
    "recovered.after_commit": Story.RECOVERY,
}


class Action(enum.Enum):
    """What happens at a failpoint."""

    KILL = "kill"  # `kill -9` of the process, by itself
    FREEZE = "freeze"  # SIGSTOP: it goes on when somebody sends SIGCONT
    RAISE = "raise"  # an exception nobody expects: a bug of the adapter's


class Trap(msgspec.Struct, frozen=True, kw_only=True):
    """At a failpoint's *visit*-th passing, of this account where a passing is of one: act."""

    failpoint: str
    action: Action
    account: str
    mark: str  # a file that is made when the trap springs
    visit: int = 1
