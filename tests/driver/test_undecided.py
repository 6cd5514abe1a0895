"""A decision that cannot be made: a bug of ours must not end the exits that work (law 30)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rpcserver.core.commands import Alert
from rpcserver.core.decision import Decision
from rpcserver.core.events import Event, Now, OrderUpdated, Woken
from rpcserver.core.machine import decide
from rpcserver.core.report import Outcome
from rpcserver.core.state import State
from rpcserver.domain.position import PositionKey
from rpcserver.driver import engine as engine_module
from rpcserver.driver.engine import Engine
from tests.driver.world import CL as POISON
from tests.driver.world import NQ, WatchedJournal, flatten, held, open_venue, running

pytestmark = pytest.mark.anyio

Outcomes = dict[str, Outcome | None]
Broken = Callable[[Event], bool]


def _break(monkeypatch: pytest.MonkeyPatch, is_broken: Broken) -> None:
    def sometimes(state: State, event: Event, now: Now) -> Decision:
        if is_broken(event):
            raise ZeroDivisionError("a bug in the core")
        return decide(state, event, now)

    monkeypatch.setattr(engine_module, "decide", sometimes)


async def _flatten(check: Callable[[Engine], object] = lambda _: None) -> Outcomes:
    async with (
        open_venue(held(3), held(-2, NQ), held(1, POISON)) as venue,
        running(WatchedJournal(), venue) as engine,
    ):
        check(engine)
        admitted = await engine.close(flatten(everything=True, deadline=3.0))
        report = await engine.finished(admitted.operation_id)
        return {leg.position.instrument: leg.outcome for leg in report.legs}


async def test_news_that_cannot_be_decided_ends_no_other_leg(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_broken(event: Event) -> bool:
        return isinstance(event, OrderUpdated) and event.report.instrument == POISON

    alerts: list[Alert] = []
    _break(monkeypatch, is_broken)
    outcomes = await _flatten(lambda engine: engine.alerts(alerts.append))

    assert outcomes.pop(POISON) is not Outcome.FLAT, "nothing was understood of its order"
    assert set(outcomes.values()) == {Outcome.FLAT}
    assert "internal" in {alert.code for alert in alerts}


async def test_time_that_cannot_be_decided_at_once_is_decided_timer_by_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_broken(event: Event) -> bool:
        if not isinstance(event, Woken):
            return False
        return event.only is None or (
            isinstance(event.only, PositionKey) and event.only.instrument == POISON
        )

    _break(monkeypatch, is_broken)

    assert set((await _flatten()).values()) == {Outcome.FLAT}
