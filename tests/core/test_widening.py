"""Everything means what is there when a venue comes back, not only what was known when pressed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rpcserver.core.commands import ReadAccount
from rpcserver.core.decision import Decision
from rpcserver.core.events import Event, Now, Requested, SnapshotRead, VenueUp
from rpcserver.core.machine import apply, decide
from rpcserver.core.records import OperationFinished, ScopeWidened
from rpcserver.core.requests import CloseRequest, Scope
from rpcserver.core.state import State
from rpcserver.domain.account import UNREAD, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import AccountId, AccountRef, OperationId, PrincipalId, TokenId, VenueId

VENUE = VenueId("far")
PLACEHOLDER = AccountRef(VENUE, UNREAD)
MINE, THEIRS = AccountRef(VENUE, AccountId("mine")), AccountRef(VENUE, AccountId("theirs"))
OPERATION = OperationId("op-1")
NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)


class Scene:
    def __init__(self, *grants: str) -> None:
        self.state = State()
        self.elapsed = 0.0
        request = CloseRequest(
            api="FlattenEverything",
            principal=PrincipalId("alice"),
            token_id=TokenId("tok"),
            request_id="1",
            digest="d",
            args="{}",
            grants=grants,
            scope=Scope(accounts=(PLACEHOLDER,), everything=True),
        )
        self.feed(Requested(operation_id=OPERATION, request=request))

    def feed(self, event: Event) -> Decision:
        self.elapsed += 1.0
        now = Now(self.elapsed, NOON + timedelta(seconds=self.elapsed))
        decision = decide(self.state, event, now)
        for change in decision.changes:
            apply(self.state, change)
        return decision

    def rises(self) -> Decision:
        return self.feed(VenueUp(venue=VENUE, capabilities=Capabilities(), accounts=(MINE, THEIRS)))


def reads(decision: Decision) -> list[AccountRef]:
    return [each.account for each in decision.commands if isinstance(each, ReadAccount)]


def test_law_19_a_venue_that_rises_is_read_for_the_exit_that_waits_for_it() -> None:
    scene = Scene("*")

    assert reads(scene.rises()) == [MINE, THEIRS]
    assert reads(scene.rises()) == [], "once"


def test_law_13_only_what_is_granted_comes_into_scope() -> None:
    scene = Scene("far:mine")

    decision = scene.rises()

    assert reads(decision) == [MINE]
    [widened] = [each for each in decision.changes if isinstance(each, ScopeWidened)]
    assert widened.accounts == (MINE,)


def test_law_18_it_is_flat_only_when_what_rose_was_read() -> None:
    scene = Scene("*")
    ended = scene.rises().changes
    for account in (MINE, THEIRS):
        assert not [each for each in ended if isinstance(each, OperationFinished)]
        snapshot = AccountSnapshot(account=account, positions=(), orders=(), taken_at=NOON)
        ended = scene.feed(SnapshotRead(operation_id=OPERATION, snapshot=snapshot)).changes

    [finished] = [each for each in ended if isinstance(each, OperationFinished)]
    assert finished.flat
    assert finished.proven_at == NOON
