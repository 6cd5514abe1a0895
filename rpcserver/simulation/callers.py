"""Who asks for what, and when: overlapping requests, parts of one position, crowds."""

from __future__ import annotations

import json
from random import Random

from rpcserver.simulation.listing import NAMES
from rpcserver.simulation.plan import Call, Held
from rpcserver.simulation.scenery import draw_size

CROWD = "crowd-"  # what the ids of its calls begin with


def draw_calls(
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
        if dice.random() < 0.2:
            args["reason"] = "the drill of the month"
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


def draw_halves(dice: Random, held: tuple[Held, ...]) -> tuple[Call, ...]:
    """Sometimes one position is closed by parts that overlap: two halves are not a whole."""
    if dice.random() > 0.5:
        return ()
    one, at = dice.choice(held), round(dice.uniform(0.5, 4), 2)
    args: dict[str, object] = {"account": one.account, "instrument": one.instrument, "percent": 0.5}
    rungs = [{"offsetTicks": dice.choice((-1, 1))}, {"type": "market", "afterMs": 2500}]
    if dice.random() < 0.5:
        args["ladder"] = rungs
    return tuple(
        Call(
            at=round(at + number * dice.uniform(0.02, 3), 2),
            id=f"half-{number}",
            api="ClosePosition",
            args=json.dumps(args),
            key=f"half-{number}",
            cancel_after=None,
        )
        for number in range(2)
    )


def draw_crowd(dice: Random, held: tuple[Held, ...], heals_at: float) -> tuple[Call, ...]:
    """Many programs press at once, and some of them again and again: each press is a call."""
    calls: list[Call] = []
    for wave in range(dice.choice((1, 2, 3))):
        at = dice.uniform(0.5, heals_at)
        for _ in range(dice.choice((2, 3, 5))):
            number, one = len(calls) + 1, dice.choice(held)
            api, args = dice.choice(
                (
                    ("FlattenEverything", {}),
                    ("Flatten", {"account": one.account}),
                    ("Flatten", {"account": one.account, "instrument": one.instrument}),
                    ("ExitAll", {"user_id": "ann"}),
                )
            )
            calls.append(
                Call(
                    at=round(at + dice.choice((0.0, dice.uniform(0, 2))), 2),
                    id=f"{CROWD}{wave}-{number}",
                    api=api,
                    args=json.dumps(args),
                    key=None if dice.random() < 0.6 else f"key-of-{number}",
                    cancel_after=None,
                )
            )
    return tuple(calls)


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
                part["quantity"] = float(draw_size(dice, one.instrument, 5))
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
