"""How to close: the words that calls, preferences and the core share."""

from __future__ import annotations

import enum

import msgspec

from rpcserver.domain.order import OrderType


class OnFence(enum.Enum):
    """What happens when canceled orders are still not proven gone at the fence's deadline."""

    WAIT = "wait"
    UNCONTESTED = "uncontested"  # close the part no live order can touch, go on watching
    OVERRIDE = "override"  # close all of it: risk role, with a reason


class Dust(enum.Enum):
    """What to do with a remainder below the smallest order."""

    CLOSE = "close"  # by the venue's whole-position close where it has one, else report it
    LEAVE = "leave"


class LadderStep(msgspec.Struct, frozen=True, kw_only=True):
    """
    One price step: from `after` seconds on, an order of this type.

    `offset_ticks` counts from the touch into the market: 0 joins the own side's best price,
    negative rests deeper, positive crosses by so many ticks beyond the far touch.
    """

    type: OrderType = OrderType.LIMIT
    offset_ticks: int = 0
    after: float = 0.0
