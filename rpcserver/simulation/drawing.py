"""
From a seed to a plan. Swarm testing: each seed switches on only some kinds of faults, some of them
often, so that rare combinations meet.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal
from random import Random

from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import Holding, OrderSide
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.listing import ES, LOTS, NAMES, NQ, OPTION
from rpcserver.simulation.plan import Call, Happening, Held, Plan, Resting, VenueTraits

PLANNED = frozenset(
    {
        FaultKind.FOREIGN_TRADE,
        FaultKind.LIQUIDATION,
        FaultKind.FOREIGN_ORDER,
        FaultKind.OWN_ORDER,
        FaultKind.CLOSED_MARKET,
        FaultKind.AUCTION,
        FaultKind.BANDS,
        FaultKind.THIN_BOOK,
        FaultKind.LOCKED_MARGIN,
        FaultKind.LINK_CUT,
        FaultKind.CLOCK_JUMP,
        FaultKind.FULL_DISK,
        FaultKind.STOP,
        FaultKind.PRICE_JUMP,
    }
)
EVERYTHING = frozenset(FaultKind)
_RATES = (0.02, 0.05, 0.1, 0.2, 0.4)
_RARE = {FaultKind.CRASH: 0.04, FaultKind.COMMIT_LOST: 0.03, FaultKind.COMMIT_LIES: 0.03}
_ACCOUNTS = (AccountId("A"), AccountId("B"))
_HEDGED = AccountId("H")


def draw(seed: int, faults: Collection[FaultKind] = EVERYTHING) -> Plan:
    """The plan of *seed*, with nothing going wrong but *faults*."""
    dice = Random(f"plan {seed}")
    share = dice.choice((0.1, 0.2, 0.35, 0.6))
    chosen = [kind for kind in FaultKind if dice.random() < share]
    rates = {kind: min(dice.choice(_RATES), _RARE.get(kind, 1.0)) for kind in chosen}
    active = {kind: rate for kind, rate in rates.items() if kind in faults}
    accounts = _ACCOUNTS[: dice.choice((1, 1, 2))]
    hedged = (_HEDGED,) if dice.random() < 0.25 else ()
    venue = _venue(dice)
    held = _held(dice, (*accounts, *hedged), hedged)
    heals_at = round(dice.uniform(8, 40), 1)
    return Plan(
        seed=seed,
        venue=venue,
        accounts=(*accounts, *hedged),
        hedge_accounts=hedged,
        held=held,
        resting=_resting(dice, held, heals_at, foreign=FaultKind.FOREIGN_ORDER in active),
        calls=(
            *_calls(dice, held, heals_at, cancels=FaultKind.CANCEL_CALL in active),
            *_halves(Random(f"halves {seed}"), held),
        ),
        happenings=_happenings(dice, held, heals_at, [k for k in active if k in PLANNED]),
        rates={kind: rate for kind, rate in active.items() if kind not in PLANNED},
        heals_at=heals_at,
    )


def _venue(dice: Random) -> VenueTraits:
    # Where the venue itself keeps orders from flipping, mistakes of ours would not show.
    reduce_only = dice.choice(
        (ReduceOnly.NONE, ReduceOnly.NONE, ReduceOnly.ON_ARRIVAL, ReduceOnly.AT_FILL)
    )
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
        counts_resting=reduce_only is not ReduceOnly.NONE and dice.random() < 0.4,
        id_memory=memory,
        id_window=dice.choice((20.0, 120.0)) if memory is IdMemory.WINDOW else 0.0,
        request_expiry=dice.choice((None, None, 2.0, 5.0)),
        position_settle=dice.choice((0.0, 0.2, 1.0, 2.0)),
        not_found_settle=dice.choice((0.5, 1.0, 5.0)),
        change_orders=dice.random() < 0.7,
        buys_first=dice.random() < 0.2,
        message_budget=dice.choice((None, None, None, 10.0, 3.0)),
        concurrency=dice.choice((1, 2, 8, 64)),
        latency=dice.choice((0.0, 0.01, 0.05, 0.3)),
    )


def _held(
    dice: Random, accounts: tuple[AccountId, ...], hedged: tuple[AccountId, ...]
) -> tuple[Held, ...]:
    found: dict[tuple[AccountId, InstrumentId, Holding], Held] = {}
    for _ in range(dice.choice((1, 1, 2, 2, 3, 4))):
        account, instrument = dice.choice(accounts), dice.choice(NAMES)
        quantity = _size(dice, instrument, 9)
        holding = Holding.NET
        if account in hedged:
            holding = dice.choice((Holding.LONG, Holding.SHORT))
        is_short = holding is Holding.SHORT or (holding is Holding.NET and dice.random() < 0.5)
        found[account, instrument, holding] = Held(
            account, instrument, -quantity if is_short else quantity, holding
        )
    return tuple(found.values())


def _size(dice: Random, instrument: InstrumentId, lots_max: int) -> Decimal:
    lots = dice.randint(1, lots_max)
    if instrument == OPTION and lots == 1 and dice.random() < 0.8:
        lots = 2  # less than the smallest order is dust from the beginning
    return LOTS[instrument] * lots


def _resting(
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


def _calls(
    dice: Random, held: tuple[Held, ...], heals_at: float, *, cancels: bool
) -> tuple[Call, ...]:
    calls = []
    for number in range(1, dice.choice((1, 1, 2, 2, 3, 4)) + 1):
        api, args = _call(dice, held)
        if dice.random() < 0.3:
            args["deadlineMs"] = dice.choice((2000, 8000, 20000))
        if dice.random() < 0.2:
            args["onFence"] = "wait"
        if dice.random() < 0.25:
            args["waitForOpen"] = True
        if dice.random() < 0.08:
            args["dryRun"] = True
        if dice.random() < 0.2 and "execution_type" not in args:
            args["ladder"] = [
                {"type": "limit", "offsetTicks": dice.choice((-2, 0, 1, 4)), "afterMs": 0},
                {"type": dice.choice(("market", "limit")), "offsetTicks": 3, "afterMs": 1500},
            ]
        calls.append(
            Call(
                at=round(dice.choice((0.5, 0.5, dice.uniform(0, heals_at))), 2),
                id=f"r{number}",
                api=api,
                args=json.dumps(args),
                key=None if dice.random() < 0.35 else f"key-{number}",
                cancel_after=round(dice.uniform(0, 3), 2)
                if cancels and dice.random() < 0.5
                else None,
            )
        )
    return tuple(calls)


def _halves(dice: Random, held: tuple[Held, ...]) -> tuple[Call, ...]:
    """Sometimes one position is closed by parts that overlap: two halves are not a whole."""
    if dice.random() > 0.2:
        return ()
    one, at = dice.choice(held), round(dice.uniform(0.5, 4), 2)
    args: dict[str, object] = {"account": one.account, "instrument": one.instrument, "percent": 0.5}
    rungs = [{"offsetTicks": dice.choice((-1, 1))}, {"type": "market", "afterMs": 2500}]
    if dice.random() < 0.5:
        args["ladder"] = rungs
    return tuple(
        Call(
            at=round(at + number * dice.uniform(0.02, 1.5), 2),
            id=f"half-{number}",
            api="ClosePosition",
            args=json.dumps(args),
            key=f"half-{number}",
            cancel_after=None,
        )
        for number in range(2)
    )


def _call(dice: Random, held: tuple[Held, ...]) -> tuple[str, dict[str, object]]:
    one = dice.choice(held)
    match dice.choice(("everything", "everything", "flatten", "part", "exit", "batch", "limit")):
        case "everything":
            return "FlattenEverything", {}
        case "flatten":
            args: dict[str, object] = {"account": one.account}
            if dice.random() < 0.5:
                args["instrument"] = one.instrument
            if dice.random() < 0.2:
                args["marketPosition"] = "long" if one.quantity > 0 else "short"
            return "Flatten", args
        case "part":
            part: dict[str, object] = {"account": one.account, "instrument": one.instrument}
            if dice.random() < 0.5:
                part["quantity"] = float(_size(dice, one.instrument, 5))
            else:
                part["percent"] = dice.choice((0.25, 0.5))
            return "ClosePosition", part
        case "exit":
            return "ExitAll", {"user_id": "ann"}
        case "batch":
            return "BatchClose", {"productGroup": "SwapU", "instId": "SWAP"}
        case _:
            prices = {name: dice.choice((98, 99.5, 100, 100.5, 102)) for name in NAMES}
            return "ExitAll", {"user_id": "ann", "execution_type": "LIMIT", "limit_prices": prices}


def _happenings(
    dice: Random, held: tuple[Held, ...], heals_at: float, kinds: list[FaultKind]
) -> tuple[Happening, ...]:
    happenings = []
    for kind in kinds:
        if kind is FaultKind.FOREIGN_ORDER:
            continue  # among the resting orders
        for _ in range(dice.choice((1, 1, 2, 3))):
            one = dice.choice(held)
            happenings.append(
                Happening(
                    at=round(dice.choice((dice.uniform(0, 3), dice.uniform(0, heals_at))), 2),
                    kind=kind,
                    account=one.account,
                    instrument=one.instrument,
                    side=dice.choice((OrderSide.BUY, OrderSide.SELL)),
                    size=_size(dice, one.instrument, 4),
                    lasts=round(dice.choice((0.3, 2.0, dice.uniform(1, 15))), 2),
                )
            )
    return tuple(sorted(happenings, key=lambda each: each.at))
