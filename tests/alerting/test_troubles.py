"""Venues that cannot be reached, and venues that refuse too much."""

from __future__ import annotations

import pytest

from rpcserver.alerting.herald import Herald
from rpcserver.alerting.troubles import RECENT_ORDERS, Failures, Links, Rejects
from rpcserver.core.commands import UNDECIDED, Alert
from rpcserver.core.decision import Decision
from rpcserver.core.entries import AlertFilter, Entry
from rpcserver.core.events import Event, Noticed, Now
from rpcserver.core.machine import decide
from rpcserver.core.records import OrderEnd, OrderEnded
from rpcserver.core.state import State
from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueId
from rpcserver.driver import engine as engine_module
from rpcserver.driver.engine import open_engine
from rpcserver.driver.ports import LinkDown, LinkUp
from rpcserver.journal.memory import MemoryJournal
from tests.journal.stories import NOON, PAPER

pytestmark = pytest.mark.anyio


class Told:
    """Everything that was fed."""

    def __init__(self) -> None:
        self.alerts: list[Noticed] = []
        self.herald = Herald(self._feed, repeats=100, window=60.0)

    def _feed(self, event: Event) -> None:
        assert isinstance(event, Noticed)
        assert event.alert
        self.alerts.append(event)

    @property
    def codes(self) -> list[str]:
        return [alert.code for alert in self.alerts]


def ended(end: OrderEnd, account: AccountRef = PAPER) -> Entry:
    record = OrderEnded(
        at=NOON,
        mono=0.0,
        account=account,
        end=end,
        client_order_id=ClientOrderId("c1"),
        venue_order_id=None,
    )
    return Entry(audit_seq=1, audit_hash="", record=record)


REFUSED, GONE = ended(OrderEnd.REJECTED), ended(OrderEnd.CANCELED)


async def test_a_venue_that_goes_and_comes_is_told_once_each() -> None:
    told = Told()
    links = Links(told.herald)

    links.hear(PAPER.venue, LinkUp())  # it was never away
    links.hear(PAPER.venue, LinkDown(detail="refused"))
    links.hear(PAPER.venue, LinkDown(detail="refused again"))
    links.hear(PAPER.venue, LinkUp())
    links.hear(PAPER.venue, LinkUp())

    assert told.codes == ["venue_down", "venue_up"]
    assert {alert.venue for alert in told.alerts} == {PAPER.venue}
    assert "refused" in told.alerts[0].detail


async def test_few_orders_say_nothing() -> None:
    told = Told()
    rejects = Rejects(told.herald, share=0.2, orders=20)

    rejects.take([REFUSED] * 19)

    assert told.codes == []


async def test_an_abnormal_share_is_told_once_until_it_was_normal() -> None:
    told = Told()
    rejects = Rejects(told.herald, share=0.2, orders=20)

    rejects.take([GONE] * 16 + [REFUSED] * 3)
    assert told.codes == []
    rejects.take([REFUSED] * 30)
    assert told.codes == ["rejects_abnormal"]
    assert told.alerts[0].detail == "paper refused 4 of its last 20 orders"
    rejects.take([GONE] * 40 + [REFUSED])  # never below a tenth of the last hundred
    assert told.codes == ["rejects_abnormal"]

    rejects.take([GONE] * RECENT_ORDERS)
    rejects.take([REFUSED] * 20)
    assert told.codes == ["rejects_abnormal"] * 2


async def test_venues_are_reckoned_apart() -> None:
    told = Told()
    rejects = Rejects(told.herald, share=0.5, orders=4)
    other = ended(OrderEnd.CANCELED, AccountRef(VenueId("okx"), PAPER.account))

    rejects.take([other] * 50 + [REFUSED] * 4)

    assert [alert.venue for alert in told.alerts] == [PAPER.venue]


# --- the server's own ----------------------------------------------------------------------------


async def test_an_event_that_could_not_be_decided_is_told_a_few_times_in_a_window() -> None:
    told: list[Noticed] = []

    def undecidable(event: Event) -> None:
        assert isinstance(event, Noticed)
        told.append(event)
        failures.take(Alert(code=UNDECIDED, detail="no decision; see 1f2e in the log"))

    failures = Failures(Herald(undecidable, repeats=2, window=60.0))
    failures.take(Alert(code="overfill", detail="it is a record already"))
    assert told == []

    failures.take(Alert(code=UNDECIDED, detail="no decision; see 9c4d in the log"))

    assert [each.code for each in told] == ["internal_error"] * 2
    assert "9c4d" in told[0].detail


async def test_an_event_that_cannot_be_decided_becomes_an_alert_in_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sometimes(state: State, event: Event, now: Now) -> Decision:
        if isinstance(event, Noticed) and event.code == "poison":
            raise ZeroDivisionError("a bug in the core")
        return decide(state, event, now)

    monkeypatch.setattr(engine_module, "decide", sometimes)
    journal = MemoryJournal()
    async with open_engine(journal, {}) as engine:
        engine.alerts(Failures(Herald(engine.feed, repeats=1, window=60.0)).take)
        engine.feed(Noticed(code="poison", detail="who knows"))
        await engine.note(Noticed(code="after", detail="everything before is durable"))
        alerts = await journal.alerts(AlertFilter())

    assert [each.record.code for each in alerts] == ["internal_error"]
    assert alerts[0].record.detail.startswith("no decision; see ")
