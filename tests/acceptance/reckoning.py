"""Was everything closed once? Reckoned from the venue's own list of executions, one by one."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from rpcserver.domain.order import Fill
from tests.acceptance.scenes import name_of

Holdings = Mapping[str, Decimal]  # signed, by "account instrument"


class Wrong(enum.Enum):
    """What an exit must never do."""

    DOUBLED = "doubled"  # it traded where nothing was left to close
    FLIPPED = "flipped"  # it went through zero
    GROWN = "grown"  # it made a position larger
    LOST = "lost"  # what is left is not what was held and traded


class Finding(NamedTuple):
    wrong: Wrong
    detail: str


def reckon(before: Holdings, fills: Sequence[Fill], after: Holdings) -> list[Finding]:
    """What is wrong with *fills*, in their order, that led from *before* to *after*."""
    found: list[Finding] = []
    now = dict(before)
    for fill in fills:
        name = f"{fill.account} {name_of(fill.instrument, fill.holding)}"
        held, traded = now.get(name, Decimal(0)), fill.signed_quantity
        now[name] = held + traded
        if wrong := _wrong_with(held, traded):
            found.append(Finding(wrong, f"{name}: {held} and {traded} by {fill.client_order_id}"))
    for name in sorted(now.keys() | after.keys()):
        expected, is_held = now.get(name, Decimal(0)), after.get(name, Decimal(0))
        if expected != is_held:
            found.append(Finding(Wrong.LOST, f"{name}: {is_held} instead of {expected}"))
    return found


def _wrong_with(held: Decimal, traded: Decimal) -> Wrong | None:
    if held == 0:
        return Wrong.DOUBLED
    if held * traded > 0:
        return Wrong.GROWN
    return Wrong.FLIPPED if abs(traded) > abs(held) else None
