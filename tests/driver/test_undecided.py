"""A decision that cannot be made: a bug of ours must not end the exits that work (law 30)."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from rpcserver.core.commands import Alert
from rpcserver.core.decision import Decision
from rpcserver.core.events import Event, Now, OrderUpdated, Woken
from rpcserver.core.machine import decide
from rpcserver.core.report import Outcome
from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.core.state import State
from rpcserver.domain.ids import PrincipalId, TokenId
from rpcserver.domain.position import PositionKey
from rpcserver.driver import engine as engine_module
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.journal.memory import MemoryJournal
from rpcserver.venues.paper import PaperSettings, open_paper_venue

POISON = "CL 12-25"
Broken = Callable[[Event], bool]


def _break(monkeypatch: pytest.MonkeyPatch, is_broken: Broken) -> None:
    def sometimes(state: State, event: Event, now: Now) -> Decision:
        if is_broken(event):
            raise ZeroDivisionError("a bug in the core")
        return decide(state, event, now)

    monkeypatch.setattr(engine_module, "decide", sometimes)


async def _flatten(engine: Engine) -> dict[str, Outcome | None]:
    request = CloseRequest(
        api="FlattenEverything",
        principal=PrincipalId("somebody"),
        token_id=TokenId("tok"),
        request_id="1",
        digest="d",
        args="{}",
        deadline=3.0,
        scope=Scope(
            accounts=tuple(a.ref for all_of in engine.accounts.values() for a in all_of),
            everything=True,
        ),
    )
    admitted = await engine.close(request)
    report = await engine.finished(admitted.operation_id)
    return {leg.position.instrument: leg.outcome for leg in report.legs}


async def _run(check: Callable[[Engine], None] = lambda _: None) -> dict[str, Outcome | None]:
    settings = PaperSettings(path=None, tick_interval=None)
    async with (
        open_paper_venue(settings) as venue,
        open_engine(MemoryJournal(), {venue.venue_id: venue}) as engine,
    ):
        check(engine)
        with anyio.fail_after(5):
            await engine.accounts_read()
        with anyio.fail_after(20):
            return await _flatten(engine)


def test_news_that_cannot_be_decided_ends_no_other_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_broken(event: Event) -> bool:
        return isinstance(event, OrderUpdated) and event.report.instrument == POISON

    alerts: list[Alert] = []
    _break(monkeypatch, is_broken)
    outcomes = anyio.run(_run, lambda engine: engine.alerts(alerts.append))

    assert outcomes.pop(POISON) is not Outcome.FLAT, "nothing was understood of its order"
    assert set(outcomes.values()) == {Outcome.FLAT}
    assert "internal" in {alert.code for alert in alerts}


def test_time_that_cannot_be_decided_at_once_is_decided_timer_by_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_broken(event: Event) -> bool:
        if not isinstance(event, Woken):
            return False
        return event.only is None or (
            isinstance(event.only, PositionKey) and event.only.instrument == POISON
        )

    _break(monkeypatch, is_broken)

    assert set(anyio.run(_run).values()) == {Outcome.FLAT}
