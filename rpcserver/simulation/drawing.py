"""
From a seed to a plan. Swarm testing: each seed switches on only some kinds of faults, some of them
often, so that rare combinations meet.

Every decision has dice of its own, named after the seed and what is decided: what is added here
later changes nothing that was drawn before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random

from rpcserver.domain.order import OrderSide
from rpcserver.simulation.callers import draw_calls, draw_crowd, draw_halves
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.plan import Happening, Held, Plan
from rpcserver.simulation.scenery import (
    draw_accounts,
    draw_held,
    draw_quiet,
    draw_resting,
    draw_size,
    draw_venue,
)

# What happens at moments of its own, as often as the plan says.
HAPPENINGS = frozenset(
    {
        FaultKind.FOREIGN_TRADE,
        FaultKind.LIQUIDATION,
        FaultKind.OWN_ORDER,
        FaultKind.CLOSED_MARKET,
        FaultKind.AUCTION,
        FaultKind.RESERVED,
        FaultKind.BANDS,
        FaultKind.THIN_BOOK,
        FaultKind.LOCKED_MARGIN,
        FaultKind.CANCEL_ALL,
        FaultKind.MODE_SWITCH,
        FaultKind.BAN,
        FaultKind.LINK_CUT,
        FaultKind.CLOCK_JUMP,
        FaultKind.FULL_DISK,
        FaultKind.STOP,
        FaultKind.SECOND_SERVER,
        FaultKind.PRICE_JUMP,
    }
)
# What is part of the scene, or of what is asked.
SCENERY = frozenset(
    {
        FaultKind.FOREIGN_ORDER,
        FaultKind.CROWD,
        FaultKind.CANCEL_CALL,
        FaultKind.CRASH_ANYWHERE,
        FaultKind.NO_REDUCE_ONLY,
        FaultKind.COUNTS_RESTING,
        FaultKind.REFUSED_ID,
        FaultKind.FREEZE_QUANTITY,
        FaultKind.MINIMUM_LOT,
        FaultKind.MINIMUM_NOTIONAL,
    }
)
EVERYTHING = frozenset(FaultKind)
_LIKELY = {FaultKind.CROWD: 0.6}  # switched on so often at least
_OFTEN = {FaultKind.SLOW_FILL: 0.3}  # what is rare by itself
_RATES = (0.02, 0.05, 0.1, 0.2, 0.4)
_RARE = {FaultKind.CRASH: 0.04, FaultKind.COMMIT_LOST: 0.03, FaultKind.COMMIT_LIES: 0.03}


def draw(seed: int, faults: Collection[FaultKind] = EVERYTHING) -> Plan:
    """The plan of *seed*, with nothing going wrong but *faults*."""

    def dice(what: str) -> Random:
        return Random(f"{seed}/{what}")

    active = _active(dice, faults)
    accounts, hedged = draw_accounts(dice("accounts"))
    held = draw_held(dice("held"), accounts, hedged, faults)
    heals_at = round(dice("heals").uniform(8, 40), 1)
    crowd = FaultKind.CROWD in active
    return Plan(
        seed=seed,
        venue=draw_venue(dice("venue"), faults),
        accounts=accounts,
        hedge_accounts=hedged,
        held=held,
        resting=draw_resting(
            dice("resting"), held, heals_at, foreign=FaultKind.FOREIGN_ORDER in active
        ),
        calls=(
            *draw_calls(dice("calls"), held, heals_at, cancels=FaultKind.CANCEL_CALL in active),
            *draw_halves(dice("halves"), held),
            *(draw_crowd(dice("crowd"), held, heals_at) if crowd else ()),
        ),
        happenings=tuple(
            sorted(
                (
                    each
                    for kind in active
                    if kind in HAPPENINGS
                    for each in _happenings(dice(f"when {kind.value}"), kind, held, heals_at)
                ),
                key=lambda each: each.at,
            )
        ),
        rates={kind: rate for kind, rate in active.items() if kind not in HAPPENINGS | SCENERY},
        heals_at=heals_at,
        quiet=draw_quiet(dice("quiet")),
        crash_steps=_crash_steps(dice("steps")) if FaultKind.CRASH_ANYWHERE in active else (),
    )


def _active(dice: Callable[[str], Random], faults: Collection[FaultKind]) -> dict[FaultKind, float]:
    """The kinds that are switched on, and how often each of them strikes."""
    share = dice("share").choice((0.1, 0.2, 0.35, 0.6))
    active = {}
    for kind in FaultKind:
        own = dice(kind.value)
        is_on = own.random() < max(share, _LIKELY.get(kind, 0.0))
        rate = max(min(own.choice(_RATES), _RARE.get(kind, 1.0)), _OFTEN.get(kind, 0.0))
        if is_on and kind in faults:
            active[kind] = rate
    return active


def _crash_steps(dice: Random) -> tuple[int, ...]:
    """Steps of the loop at which the process dies; early ones, where most is going on."""
    return tuple(sorted(dice.randint(20, 900) for _ in range(dice.choice((1, 2, 3)))))


def _happenings(
    dice: Random, kind: FaultKind, held: tuple[Held, ...], heals_at: float
) -> tuple[Happening, ...]:
    happenings = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        one = dice.choice(held)
        happenings.append(
            Happening(
                at=round(dice.choice((dice.uniform(0, 3), dice.uniform(0, heals_at))), 2),
                kind=kind,
                account=one.account,
                instrument=one.instrument,
                side=dice.choice((OrderSide.BUY, OrderSide.SELL)),
                size=draw_size(dice, one.instrument, 4),
                lasts=round(dice.choice((0.3, 2.0, dice.uniform(1, 15))), 2),
            )
        )
    return tuple(happenings)
