"""What there is when a history begins: a kind of venue, accounts, positions, working orders."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from random import Random

from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import Holding, OrderSide
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.listing import ES, LOTS, NAMES, NQ, OPTION, SWAP
from rpcserver.simulation.plan import Held, Quiet, Resting, VenueTraits

_ACCOUNTS = (AccountId("A"), AccountId("B"))
_HEDGED = AccountId("H")
_QUIET = AccountId("Q")


def draw_venue(dice: Random, faults: Collection[FaultKind]) -> VenueTraits:
    """A kind of venue, no worse than *faults* allow."""
    # Where the venue itself keeps orders from flipping, mistakes of ours would not show.
    reduce_only = dice.choice(
        (ReduceOnly.NONE, ReduceOnly.NONE, ReduceOnly.ON_ARRIVAL, ReduceOnly.AT_FILL)
    )
    if FaultKind.NO_REDUCE_ONLY not in faults and reduce_only is ReduceOnly.NONE:
        reduce_only = ReduceOnly.AT_FILL
    memory = dice.choice(
        (
            IdMemory.FOR_EVER,
            IdMemory.FOR_EVER,
            IdMemory.WINDOW,
            IdMemory.OPEN_ORDERS,
            IdMemory.NEVER,
        )
    )
    return VenueTraits(
        reduce_only=reduce_only,
        counts_resting=reduce_only is not ReduceOnly.NONE
        and dice.random() < 0.4
        and FaultKind.COUNTS_RESTING in faults,
        id_memory=memory,
        id_window=dice.choice((20.0, 120.0)) if memory is IdMemory.WINDOW else 0.0,
        request_expiry=dice.choice((None, None, 2.0, 5.0)),
        position_settle=dice.choice((0.0, 0.2, 1.0, 2.0)),
        not_found_settle=dice.choice((0.5, 1.0, 5.0)),
        change_orders=dice.random() < 0.7,
        buys_first=dice.random() < 0.2,
        message_budget=dice.choice((None, None, 10.0, 3.0, 1.0)),
        concurrency=dice.choice((1, 2, 8, 64)),
        latency=dice.choice((0.0, 0.01, 0.05, 0.3)),
        minimum_notional=Decimal(35)
        if dice.random() < 0.15 and FaultKind.MINIMUM_NOTIONAL in faults
        else None,
    )


def draw_accounts(dice: Random) -> tuple[tuple[AccountId, ...], tuple[AccountId, ...]]:
    """Every account, and those of them that hold both sides apart."""
    accounts = _ACCOUNTS[: dice.choice((1, 1, 2))]
    hedged = (_HEDGED,) if dice.random() < 0.25 else ()
    return (*accounts, *hedged), hedged


def draw_held(
    dice: Random,
    accounts: tuple[AccountId, ...],
    hedged: tuple[AccountId, ...],
    faults: Collection[FaultKind],
) -> tuple[Held, ...]:
    """Who holds what; no less than one order closes, and no more, unless *faults* allow it."""
    found: dict[tuple[AccountId, InstrumentId, Holding], Held] = {}
    for _ in range(dice.choice((1, 1, 2, 2, 3, 4))):
        account, instrument = dice.choice(accounts), dice.choice(NAMES)
        quantity = draw_size(dice, instrument, 9)
        if FaultKind.FREEZE_QUANTITY not in faults and instrument == NQ:
            quantity = min(quantity, LOTS[NQ] * 3)
        if FaultKind.MINIMUM_LOT not in faults:
            quantity = max(quantity, LOTS[instrument] * 2)
        holding = Holding.NET
        if account in hedged:
            holding = dice.choice((Holding.LONG, Holding.SHORT))
        is_short = holding is Holding.SHORT or (holding is Holding.NET and dice.random() < 0.5)
        found[account, instrument, holding] = Held(
            account, instrument, -quantity if is_short else quantity, holding
        )
    return tuple(found.values())


def draw_quiet(dice: Random) -> Quiet | None:
    """Sometimes a second venue, where everything works: it must not feel the first one."""
    if dice.random() > 0.25:
        return None
    names = dice.sample((ES, SWAP), dice.choice((1, 2)))
    held = (Held(_QUIET, name, LOTS[name] * dice.randint(2, 9), Holding.NET) for name in names)
    return Quiet(held=tuple(held), is_blind=dice.random() < 0.5)


def draw_size(dice: Random, instrument: InstrumentId, lots_max: int) -> Decimal:
    lots = dice.randint(1, lots_max)
    if instrument == OPTION and lots == 1 and dice.random() < 0.8:
        lots = 2  # less than the smallest order is dust from the beginning
    return LOTS[instrument] * lots


def draw_resting(
    dice: Random, held: tuple[Held, ...], heals_at: float, *, foreign: bool
) -> tuple[Resting, ...]:
    orders: list[Resting] = []
    for position in held:
        closing = OrderSide.SELL if position.quantity > 0 else OrderSide.BUY
        whole = abs(position.quantity)
        shape = dice.choice(("none", "none", "stop", "target", "bracket", "entry", "half"))
        if position.instrument == OPTION and whole < 10:
            continue

        def rest(
            side: OrderSide,
            quantity: Decimal,
            *,
            stop: bool,
            oco: str | None = None,
            at: float = 0.0,
            reduce_only: bool = True,
            of: Held = position,
        ) -> None:
            orders.append(
                Resting(
                    at,
                    of.account,
                    of.instrument,
                    side,
                    quantity,
                    of.holding,
                    stop,
                    reduce_only,
                    oco,
                )
            )

        marked = dice.random() < 0.6
        match shape:
            case "stop":
                rest(closing, whole, stop=True, reduce_only=marked)
            case "target":
                rest(closing, whole, stop=False, reduce_only=marked)
            case "bracket":
                oco = f"oco-{position.account}-{position.instrument}-{position.holding}"
                rest(closing, whole, stop=True, oco=oco, reduce_only=marked)
                rest(closing, whole, stop=False, oco=oco, reduce_only=marked)
            case "entry" if position.holding is Holding.NET:
                rest(closing.opposite, whole, stop=False, reduce_only=False)
            case "half" if whole > 1 and position.instrument in (ES, NQ):
                rest(closing, whole // 2 or Decimal(1), stop=True, reduce_only=marked)
            case _:
                pass
        if foreign and dice.random() < 0.4:
            at = round(dice.uniform(0.5, heals_at), 2)
            rest(closing, whole, stop=dice.random() < 0.5, at=at, reduce_only=marked)
    return tuple(orders)
