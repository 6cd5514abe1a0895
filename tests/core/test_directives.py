"""What is laid down stands until it is taken back, over every restart."""

from __future__ import annotations

import msgspec

from rpcserver.core.decision import Admitted, Refused
from rpcserver.core.events import DirectiveRequested, LiftRequested, Requested
from rpcserver.core.records import OperationOpened
from rpcserver.core.requests import CloseRequest
from rpcserver.core.standing import DirectiveLifted, DirectiveSet, Word
from rpcserver.domain.directive import Halt, HaltLevel, HaltScope
from rpcserver.domain.ids import DirectiveName, OperationId, PrincipalId
from tests.core.asks import account, flatten
from tests.core.venue import ToyVenue
from tests.core.world import World

RISK = Word(principal=PrincipalId("risk"), reason="the feed is wrong", remote="10.0.0.7")


def halt(name: str = "a", level: HaltLevel = HaltLevel.NO_NEW_RISK) -> Halt:
    return Halt(halt_id=name, scope=HaltScope(account=account()), level=level)


def lay_down(world: World, directive: Halt, closing: CloseRequest | None = None) -> object:
    opens = None
    if closing is not None:
        opens = Requested(operation_id=OperationId("op-of-halt"), request=closing, join=False)
    return world.feed(DirectiveRequested(directive=directive, word=RISK, closing=opens))


def standing(world: World) -> list[DirectiveName]:
    return list(world.state.directives)


def test_what_is_laid_down_stands_with_who_from_where_and_why() -> None:
    world = World(ToyVenue())

    lay_down(world, halt())

    record = world.state.directives[halt().name]
    assert record.directive == halt()
    assert (record.principal, record.remote, record.reason) == (
        "risk",
        "10.0.0.7",
        "the feed is wrong",
    )


def test_law_36_it_outlives_restarts_and_only_a_word_takes_it_back() -> None:
    world = World(ToyVenue())
    lay_down(world, halt("a"))
    lay_down(world, halt("b"))
    world.crash()
    world.crash()
    assert standing(world) == [halt("a").name, halt("b").name]

    world.feed(LiftRequested(name=halt("a").name, word=RISK))
    world.crash()

    assert standing(world) == [halt("b").name]
    lifted = [record for record in world.book.records if isinstance(record, DirectiveLifted)]
    assert [(record.name, record.reason) for record in lifted] == [(halt("a").name, RISK.reason)]


def test_laid_down_anew_it_takes_the_place_of_what_stood_and_recovery_folds_one() -> None:
    world = World(ToyVenue())
    for level in (HaltLevel.NO_NEW_RISK, HaltLevel.CANCEL, HaltLevel.FLATTEN_AND_LOCK) * 10:
        lay_down(world, halt(level=level))

    world.crash()

    assert [record.directive for record in world.state.directives.values()] == [
        halt(level=HaltLevel.FLATTEN_AND_LOCK)
    ]
    folded = [record for record in world.book.unfinished() if isinstance(record, DirectiveSet)]
    assert len(folded) == 1


def test_what_does_not_stand_cannot_be_taken_back() -> None:
    world = World(ToyVenue())

    reply = world.feed(LiftRequested(name=halt().name, word=RISK))

    assert isinstance(reply, Refused)
    assert reply.code == "unknown_directive"


def test_what_is_to_be_closed_is_opened_with_it() -> None:
    venue = ToyVenue()
    key = venue.hold(3)
    world = World(venue)

    reply = lay_down(world, halt(level=HaltLevel.FLATTEN_AND_LOCK), flatten(key="halt-a"))

    assert reply == Admitted(OperationId("op-of-halt"), duplicate=False)
    kinds = [type(record) for record in world.book.records]
    assert {OperationOpened, DirectiveSet} <= set(kinds)
    world.finish(OperationId("op-of-halt"))
    assert venue.position(key) == 0
    assert standing(world) == [halt().name], "it stays when its work is done"


def test_law_25_laid_down_again_with_its_key_it_closes_nothing_anew() -> None:
    venue = ToyVenue()
    key = venue.hold(3)
    world = World(venue)
    lay_down(world, halt(level=HaltLevel.FLATTEN_AND_LOCK), flatten(key="halt-a"))
    world.finish(OperationId("op-of-halt"))
    venue.hold(5)
    world.crash()

    again = lay_down(world, halt(level=HaltLevel.FLATTEN_AND_LOCK), flatten(key="halt-a"))

    assert again == Admitted(OperationId("op-of-halt"), duplicate=True)
    world.run(60)
    assert venue.position(key) == 5


def test_a_close_that_cannot_be_leaves_nothing_standing() -> None:
    world = World(ToyVenue())
    world.close(flatten(key="k", fraction="0.5"))

    reply = lay_down(world, halt(), flatten(key="k"))

    assert isinstance(reply, Refused)
    assert reply.code == "idempotency_conflict"
    assert standing(world) == []


def test_what_is_owed_is_not_begun_when_nothing_owes_it_any_more() -> None:
    venue = ToyVenue()
    venue.hold(3)
    world = World(venue)
    owed = msgspec.structs.replace(flatten(key="halt-a:2"), owed_by=halt().name)
    asked = Requested(operation_id=OperationId("op-2"), request=owed, join=False)

    refused = world.feed(asked)
    assert isinstance(refused, Refused)
    assert refused.code == "unknown_directive"
    lay_down(world, halt())
    assert isinstance(world.feed(asked), Admitted)
    world.feed(LiftRequested(name=halt().name, word=RISK))

    assert world.finish(OperationId("op-2")).cancelled
