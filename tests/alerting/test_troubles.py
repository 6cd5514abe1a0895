"""Venues that cannot be reached, and venues that refuse too much."""

from __future__ import annotations

import pytest

from rpcserver.alerting.herald import Herald
from rpcserver.alerting.troubles import RECENT_ORDERS, Links, Rejects
from rpcserver.core.entries import Entry
from rpcserver.core.events import Event, Noticed
from rpcserver.core.records import OrderEnd, OrderEnded
from rpcserver.domain.ids import AccountRef, ClientOrderId, VenueId
from rpcserver.driver.ports import LinkDown, LinkUp
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
