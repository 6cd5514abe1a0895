"""A failed history, told so that a person can follow it."""

from __future__ import annotations

from collections.abc import Iterator

from rpcserver.simulation.run import Outcome

LINES_MAX = 120


def story(outcome: Outcome) -> Iterator[str]:
    """Who was there, what was asked, what happened, and which law it broke."""
    plan, traits = outcome.plan, outcome.plan.venue
    yield f"seed {plan.seed}: {outcome.broken}"
    yield ""
    yield "The venue:"
    for name in traits.__struct_fields__:
        value = getattr(traits, name)
        yield f"  {name.replace('_', ' ')}: {getattr(value, 'value', value)}"
    yield "Held:"
    for held in plan.held:
        yield f"  {held.account} {held.instrument} {held.quantity} ({held.holding.value})"
    for order in plan.resting:
        kind = "stop" if order.stop else "limit"
        marks = " reduce-only" if order.reduce_only else ""
        marks += f" of group {order.oco_id}" if order.oco_id else ""
        yield (
            f"  {order.account} {order.instrument}: a {kind} to {order.side.value} "
            f"{order.quantity}{marks}, from {order.at:g} s on"
        )
    yield "Asked:"
    for call in plan.calls:
        key = f" with the key {call.key}" if call.key else ""
        cancel = f", canceled {call.cancel_after:g} s later" if call.cancel_after else ""
        yield f"  at {call.at:g} s {call.id}: {call.api} {call.args}{key}{cancel}"
    if plan.happenings:
        yield "What the world does:"
    for each in plan.happenings:
        yield (
            f"  at {each.at:g} s {each.kind.value}: {each.account} {each.instrument} "
            f"{each.side.value} {each.size}, for {each.lasts:g} s"
        )
    yield f"Everything heals at {plan.heals_at:g} s. What happened:"
    lines = outcome.lines
    if len(lines) > LINES_MAX:
        yield f"  … {len(lines) - LINES_MAX} lines before"
    for line in lines[-LINES_MAX:]:
        yield f"  {line}"
    yield f"and so {outcome.broken}"
