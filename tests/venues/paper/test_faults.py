"""The weather: which messages a fault meets, and when it is over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.venues.paper.faults import (
    UNTOUCHED,
    BeUnavailable,
    DelayRequests,
    FailReads,
    Fate,
    Faults,
    LoseAnswers,
    LoseRequests,
    Message,
    RefuseOrders,
    StickCancels,
)
from rpcserver.venues.paper.lagging import LaggingPositions
from rpcserver.venues.paper.venue import Control
from tests.contracts.stages import holding
from tests.venues.paper.exchanges import NET, NOON, Stage

MES, ES = InstrumentId("MES 12-25"), InstrumentId("ES 12-25")


def meet(faults: Faults, message: Message, after: float = 0, **where: str) -> Fate:
    account, instrument = where.get("account", NET), where.get("instrument", MES)
    return faults.meet(
        message,
        NOON + timedelta(seconds=after),
        account=AccountId(account),
        instrument=InstrumentId(instrument),
    )


def test_without_faults_every_message_gets_through() -> None:
    assert all(meet(Faults(), message) is UNTOUCHED for message in Message)


def test_a_fault_meets_as_many_messages_as_it_counts() -> None:
    faults = Faults()
    faults.set(LoseAnswers(count=2), NOON)

    lost = [meet(faults, Message.SUBMIT).answer_lost for _ in range(4)]

    assert lost == [True, True, False, False]


def test_a_fault_is_over_when_its_time_is() -> None:
    faults = Faults()
    faults.set(LoseRequests(lasts=10), NOON)

    assert meet(faults, Message.SUBMIT, after=9.9).request_lost
    assert not meet(faults, Message.SUBMIT, after=10).request_lost


def test_a_fault_meets_only_whom_it_is_for() -> None:
    faults = Faults()
    faults.set(LoseRequests(account=NET, instrument=MES, count=1), NOON)

    assert not meet(faults, Message.SUBMIT, account="Other").request_lost
    assert not meet(faults, Message.SUBMIT, instrument="ES 12-25").request_lost
    assert not meet(faults, Message.CANCEL).request_lost
    assert meet(faults, Message.SUBMIT).request_lost


def test_faults_of_different_kinds_add_up() -> None:
    faults = Faults()
    faults.set(DelayRequests(seconds=2), NOON)
    faults.set(LoseAnswers(messages=frozenset({Message.CANCEL})), NOON)
    faults.set(StickCancels(seconds=3), NOON)

    fate = meet(faults, Message.CANCEL)

    assert (fate.request_delay, fate.answer_lost, fate.stuck_for) == (2, True, 3)
    assert meet(faults, Message.SUBMIT).stuck_for == 0


def test_a_message_that_is_not_sent_uses_up_no_other_fault() -> None:
    faults = Faults()
    faults.set(BeUnavailable(count=1, retry_after=1.5), NOON)
    faults.set(RefuseOrders(count=1), NOON)

    first, second = meet(faults, Message.SUBMIT), meet(faults, Message.SUBMIT)

    assert first.unavailable is not None
    assert first.unavailable.retry_after == 1.5
    assert second.refused is not None


def test_only_the_named_reads_fail() -> None:
    faults = Faults()
    faults.set(FailReads(messages=frozenset({Message.QUERY})), NOON)

    assert meet(faults, Message.QUERY).fails
    assert not meet(faults, Message.SNAPSHOT).fails


def test_lagging_positions_catch_up_in_order() -> None:
    stage = Stage()
    stage.do(holding(NET, MES, "3"))
    [three] = stage.positions(NET, MES)
    lagging = LaggingPositions([three])
    for seconds, quantity in ((1, 2), (2, 0), (3, -1)):
        moved = msgspec.structs.replace(three, signed_quantity=Decimal(quantity))
        lagging.move(moved, NOON + timedelta(seconds=seconds))

    lag = timedelta(seconds=5)
    shown = [
        [each.signed_quantity for each in lagging.read(NOON + timedelta(seconds=at), lag)]
        for at in (5, 6, 7, 8)
    ]

    assert shown == [[3], [2], [], [-1]]


@pytest.mark.parametrize(
    "command", [LoseAnswers(count=1), StickCancels(seconds=1), holding(NET, ES, "1")]
)
def test_faults_and_scenes_travel(command: Control) -> None:
    sent = msgspec.msgpack.encode(command)

    assert msgspec.msgpack.Decoder(Control).decode(sent) == command
