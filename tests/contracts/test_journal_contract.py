"""What every journal keeps: one suite, each implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rpcserver.core.entries import Exit, ExitFilter, OperationRow
from rpcserver.core.records import Concern, Record, encode_record
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Amount
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OperationId,
    PrincipalId,
    TokenId,
    VenueId,
)
from rpcserver.domain.order import OrderStatus
from rpcserver.driver.ports import Journal
from rpcserver.journal.memory import MemoryJournal
from rpcserver.journal.sqlite import open_journal
from tests.journal.stories import (
    ALICE,
    BOB,
    LANE,
    NOON,
    Story,
    fill_counted,
    halted,
    moment,
    noted,
    own_order,
    own_order_ended,
    released,
    token,
    token_hash,
)

pytestmark = pytest.mark.anyio


class Home:
    """Where a journal lives while processes come and go."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._kind = kind
        self._directory = directory
        self._memory = MemoryJournal()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Journal]:
        if self._kind == "memory":
            self._memory = self._memory.reopened()
            yield self._memory
        else:
            async with open_journal(self._directory / "journal.db", ballast_bytes=1) as journal:
                yield journal


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return Home(request.param, tmp_path)


@pytest.fixture
async def journal(home: Home) -> AsyncIterator[Journal]:
    async with home.open() as journal:
        yield journal


def kinds(records: Sequence[Record]) -> list[str]:
    return [type(record).__name__ for record in records]


# --- the chain ----------------------------------------------------------------------------------


async def test_an_empty_journal_has_no_head_and_is_intact(journal: Journal) -> None:
    report = await journal.verify()

    assert journal.head.audit_seq == 0
    assert (report.intact, report.records, report.head) == (True, 0, journal.head)
    assert await journal.entries() == []


async def test_entries_are_numbered_without_a_gap_across_batches(journal: Journal) -> None:
    first = await journal.append([noted("a"), noted("b")])
    second = await journal.append([noted("c")])

    assert [entry.audit_seq for entry in (*first, *second)] == [1, 2, 3]
    assert [entry.record for entry in first] == [noted("a"), noted("b")]
    assert journal.head.audit_seq == 3
    assert journal.head.audit_hash == second[-1].audit_hash
    assert await journal.entries() == [*first, *second]


async def test_the_hash_is_what_the_schema_says(journal: Journal) -> None:
    entries = await journal.append([noted("a"), noted("b")])

    previous = bytes(32)
    for entry in entries:
        body = encode_record(entry.record)
        previous = sha256(previous + entry.audit_seq.to_bytes(8, "big") + body).digest()
        assert entry.audit_hash == previous.hex()


async def test_an_empty_batch_is_no_entry(journal: Journal) -> None:
    assert list(await journal.append([])) == []
    assert journal.head.audit_seq == 0


async def test_entries_are_paged(journal: Journal) -> None:
    entries = await journal.append([noted(str(number)) for number in range(5)])

    assert await journal.entries(after=1, limit=2) == entries[1:3]
    assert await journal.entries(after=5) == []


async def test_a_restart_finds_what_was_acknowledged_and_chains_on(home: Home) -> None:
    async with home.open() as journal:
        await journal.append(Story().whole())
        head = journal.head
    async with home.open() as journal:
        assert journal.head == head
        await journal.append([noted()])
        report = await journal.verify()

    assert report.intact
    assert report.records == head.audit_seq + 1


@given(batches=st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=6))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_whatever_is_appended_comes_back_as_it_was(kind: str, batches: list[list[str]]) -> None:
    """Any text, in any batches: also what JSON and SQL must escape."""

    async def story(directory: Path) -> None:
        home = Home(kind, directory)
        told: list[Record] = []
        for batch in batches:
            async with home.open() as journal:
                records = [noted(text) for text in batch]
                told.extend(entry.record for entry in await journal.append(records))
        async with home.open() as journal:
            assert [entry.record for entry in await journal.entries()] == told
            assert (await journal.verify()).intact

    batches = [[text.encode(errors="ignore").decode() for text in batch] for batch in batches]
    with TemporaryDirectory() as directory:
        anyio.run(story, Path(directory))


# --- what recovery folds --------------------------------------------------------------------------


async def test_a_running_operation_is_unfinished(home: Home) -> None:
    story = Story()
    records: list[Record] = [story.opened(), story.intended()]
    async with home.open() as journal:
        await journal.append(records)
    async with home.open() as journal:
        assert list(await journal.unfinished()) == records


async def test_a_finished_operation_is_not_folded_again(journal: Journal) -> None:
    await journal.append(Story().whole())

    assert list(await journal.unfinished()) == []


async def test_a_finished_operation_stays_open_until_it_is_settled(journal: Journal) -> None:
    story = Story()
    records: list[Record] = [story.opened(), story.intended(), story.finished(settled=False)]
    await journal.append(records)
    assert list(await journal.unfinished()) == records

    await journal.append([story.settled()])
    assert list(await journal.unfinished()) == []


async def test_only_open_operations_are_folded_in_the_order_they_were_journaled(
    journal: Journal,
) -> None:
    early, over, late = Story("op-early"), Story("op-over"), Story("op-late")
    await journal.append([early.opened(), over.opened(), late.opened()])
    await journal.append([over.intended(), late.intended(), noted(), early.intended()])
    await journal.append([over.finished()])

    unfinished = await journal.unfinished()

    assert [record.concerns[0].operation_id for record in unfinished] == [
        "op-early",
        "op-late",
        "op-late",
        "op-early",
    ]


async def test_a_record_of_two_operations_is_folded_once(journal: Journal) -> None:
    over, open_, other = Story("op-over"), Story("op-open"), Story("op-other")
    await journal.append([over.opened(), open_.opened(), other.opened()])
    shared = fill_counted(
        "order", concerns=(over.concern(), open_.concern(), other.concern()), lane=LANE
    )
    await journal.append([shared])
    await journal.append([over.finished()])

    unfinished = await journal.unfinished()

    assert kinds(unfinished) == ["OperationOpened", "OperationOpened", "FillCounted"]
    assert unfinished[-1] == shared


async def test_a_clients_own_order_is_open_until_it_ends(journal: Journal) -> None:
    partly = fill_counted("own", status=OrderStatus.PARTIALLY_FILLED)
    await journal.append([own_order("own"), own_order("other"), partly])
    assert list(await journal.unfinished()) == [own_order("own"), own_order("other"), partly]

    await journal.append([own_order_ended("other")])
    assert list(await journal.unfinished()) == [own_order("own"), partly]

    await journal.append([fill_counted("own", status=OrderStatus.FILLED)])
    assert list(await journal.unfinished()) == []


async def test_an_order_that_is_sent_again_after_its_end_is_open_again(journal: Journal) -> None:
    records: list[Record] = [own_order("own"), own_order_ended("own"), own_order("own")]
    await journal.append(records)

    assert list(await journal.unfinished()) == records[-1:], "it begins where it was opened last"


async def test_a_directive_that_is_laid_down_again_is_folded_once(home: Home) -> None:
    first, second, other = halted("a", "first"), halted("a", "second"), halted("b")
    async with home.open() as journal:
        await journal.append([first, other])
        await journal.append([second])
    async with home.open() as journal:
        assert list(await journal.unfinished()) == [other, second]
        await journal.append([released("a")])
    async with home.open() as journal:
        assert list(await journal.unfinished()) == [other]


async def test_what_opens_and_ends_in_one_batch_is_over(journal: Journal) -> None:
    await journal.append([own_order("own"), own_order_ended("own")])

    assert list(await journal.unfinished()) == []


Step = tuple[str, int]


@given(steps=st.lists(st.tuples(st.sampled_from("oiefhr"), st.integers(0, 3)), max_size=30))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("batch", [1, 7])
def test_both_journals_tell_the_same_story(steps: list[Step], batch: int) -> None:
    """Orders come and go, halts stand and are released, in any order, in batches of any size."""

    def record(step: Step) -> Record:
        kind, number = step
        match kind:
            case "o":
                return own_order(str(number))
            case "i":
                return fill_counted(str(number), status=OrderStatus.PARTIALLY_FILLED)
            case "e":
                return own_order_ended(str(number))
            case "h":
                return halted(str(number))
            case "r":
                return released(str(number))
            case _:
                return noted(str(number))

    async def story(directory: Path) -> None:
        records = [record(step) for step in steps]
        memory, disk = Home("memory", directory), Home("sqlite", directory)
        async with memory.open() as first, disk.open() as second:
            for start in range(0, len(records), batch):
                some = records[start : start + batch]
                assert list(await first.append(some)) == list(await second.append(some))
            assert list(await first.unfinished()) == list(await second.unfinished())
            assert first.head == second.head

    with TemporaryDirectory() as directory:
        anyio.run(story, Path(directory))


# --- one operation --------------------------------------------------------------------------------


async def test_an_operation_is_replayed_from_any_place(journal: Journal) -> None:
    story, other = Story("op-1"), Story("op-2")
    entries = await journal.append(story.whole())
    await journal.append(other.whole())

    replay = await journal.operation(story.operation_id)
    assert list(replay) == list(entries)
    assert list(await journal.operation(story.operation_id, after=2)) == list(entries[2:])
    assert list(await journal.operation(story.operation_id, after=1, limit=2)) == list(entries[1:3])
    assert list(await journal.operation(story.operation_id, after=5)) == []
    assert list(await journal.operation(OperationId("op-none"))) == []


async def test_a_clients_own_order_is_found_by_its_name_alone(journal: Journal) -> None:
    begun, other = own_order("mine"), own_order("mine-too")
    entries = await journal.append([begun, other, own_order_ended("mine")])
    await journal.append(Story("op-1").whole())

    assert list(await journal.order(ClientOrderId("mine"))) == [entries[0], entries[2]]
    assert list(await journal.order(ClientOrderId("nobody's"))) == []


async def test_what_names_something_is_found_the_newest_of_it(journal: Journal) -> None:
    entries = await journal.append([own_order("mine"), own_order("else"), own_order_ended("mine")])

    assert list(await journal.mentions('"mine"', limit=10)) == [entries[0], entries[2]]
    assert list(await journal.mentions('"mine"', limit=1)) == [entries[2]]
    assert list(await journal.mentions('"nobody"', limit=10)) == []


async def test_a_shared_record_has_its_own_place_in_each_operation(journal: Journal) -> None:
    first, second = Story("op-1"), Story("op-2")
    await journal.append([first.opened(), first.intended(), second.opened()])
    concerns: tuple[Concern, ...] = (first.concern(), second.concern())
    [shared] = await journal.append([fill_counted("order", concerns=concerns, lane=LANE)])

    assert list(await journal.operation(first.operation_id, after=2)) == [shared]
    assert list(await journal.operation(second.operation_id, after=1)) == [shared]


async def test_the_row_follows_the_operation(journal: Journal) -> None:
    story = Story("op-1", key="k1", at=0)
    running = OperationRow(
        operation_id=OperationId("op-1"),
        api="Flatten",
        principal=ALICE,
        idempotency_key="k1",
        digest="d1",
        opened_at=NOON,
        finished_at=None,
        success=None,
        flat=None,
        partial=False,
        dry_run=False,
        legs=0,
        reason="drill",
        remote="127.0.0.1",
        venues=(LANE.venue,),
    )
    await journal.append([story.opened()])
    assert await journal.operation_row(story.operation_id) == running

    await journal.append([story.intended(total=1)])
    assert await journal.operation_row(story.operation_id) == replace(running, legs=1)

    await journal.append([story.intended(total=3), story.intended(total=5)])
    await journal.append([story.intended(total=4)])
    assert await journal.operation_row(story.operation_id) == replace(running, legs=5)

    await journal.append([story.finished(after=2, success=True, flat=False)])
    finished = replace(running, legs=5, finished_at=moment(2), success=True, flat=False)
    assert await journal.operation_row(story.operation_id) == finished


async def test_legs_discovered_after_the_end_still_count(home: Home) -> None:
    story = Story()
    async with home.open() as journal:
        await journal.append([story.opened(), story.intended(total=2), story.finished()])
    async with home.open() as journal:
        await journal.append([story.filled(total=1)])
        before = await journal.operation_row(story.operation_id)
        await journal.append([story.filled(total=3)])
        after = await journal.operation_row(story.operation_id)

    assert before is not None
    assert after is not None
    assert (before.legs, after.legs) == (2, 3)


async def test_a_row_knows_what_was_asked(journal: Journal) -> None:
    half = Story("op-half", amount=Amount(fraction=Decimal("0.5")))
    plan = Story("op-plan", dry_run=True)
    await journal.append([half.opened(), plan.opened()])

    half_row = await journal.operation_row(half.operation_id)
    plan_row = await journal.operation_row(plan.operation_id)

    assert half_row is not None
    assert plan_row is not None
    assert (half_row.partial, half_row.dry_run) == (True, False)
    assert (plan_row.partial, plan_row.dry_run) == (False, True)


async def test_an_unknown_operation_has_no_row(journal: Journal) -> None:
    assert await journal.operation_row(OperationId("op-none")) is None


# --- many operations ------------------------------------------------------------------------------


def names(rows: Sequence[OperationRow]) -> list[str]:
    return [row.operation_id for row in rows]


async def test_operations_are_listed_newest_first_and_paged(journal: Journal) -> None:
    for number, principal in enumerate([ALICE, BOB, ALICE, ALICE]):
        await journal.append([Story(f"op-{number}", principal=principal).opened()])

    page = await journal.operations(limit=2)
    assert names(page) == ["op-3", "op-2"]
    assert names(await journal.operations(before=page[-1].operation_id)) == ["op-1", "op-0"]
    assert names(await journal.operations(principal=ALICE)) == ["op-3", "op-2", "op-0"]
    assert names(await journal.operations(principal=BOB, before=OperationId("op-1"))) == []
    assert names(await journal.operations(before=OperationId("op-none"))) == []


# --- the exit log --------------------------------------------------------------------------------

ES_LANE = LANE._replace(instrument=InstrumentId("ES 12-25"), account=AccountId("Sim102"))


async def test_an_exit_is_told_with_its_call(journal: Journal) -> None:
    await journal.append(Story(tag="intraday").whole())

    [found] = await journal.exits(ExitFilter())

    assert found == Exit(
        audit_seq=4,
        operation_id=OperationId("op-1"),
        leg=1,
        at=NOON,
        venue=LANE.venue,
        account=LANE.account,
        instrument=LANE.instrument,
        held=Decimal(-2),
        closed=Decimal(2),
        average_price=Decimal("5774.25"),
        remaining=Decimal(0),
        outcome=Outcome.FLAT,
        why="",
        proven_at=NOON,
        api="Flatten",
        principal=ALICE,
        strategy="intraday",
        reason="drill",
        remote="127.0.0.1",
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ExitFilter(), ["op-3", "op-2", "op-1"]),
        (ExitFilter(principal=PrincipalId("BOB")), ["op-2"]),
        (ExitFilter(strategy="Intraday"), ["op-3"]),
        (ExitFilter(instrument="es"), ["op-2"]),
        (ExitFilter(instrument="ES 12-25"), ["op-2"]),
        (ExitFilter(instrument="E"), []),
        (ExitFilter(account=AccountId("sim102")), ["op-2"]),
        (ExitFilter(venue=VenueId("PAPER"), account=LANE.account), ["op-3", "op-1"]),
        (ExitFilter(operation_id=OperationId("op-1")), ["op-1"]),
        (ExitFilter(outcomes=(Outcome.REJECTED, Outcome.PARTIAL)), ["op-2"]),
        (ExitFilter(since=moment(60)), ["op-3", "op-2"]),
        (ExitFilter(until=moment(60)), ["op-1"]),
        (ExitFilter(since=moment(60), until=moment(120)), ["op-2"]),
        (ExitFilter(principal=ALICE, outcomes=(Outcome.REJECTED,)), []),
    ],
)
async def test_exits_are_found_by_all_that_is_asked(
    home: Home, wanted: ExitFilter, expected: list[str]
) -> None:
    first, third = Story("op-1"), Story("op-3", tag="intraday", at=120)
    second = Story("op-2", principal=BOB, at=60)
    async with home.open() as journal:
        await journal.append([first.opened(), first.leg_ended()])
        await journal.append(
            [second.opened(), second.leg_ended(lane=ES_LANE, outcome=Outcome.REJECTED)]
        )
        await journal.append([third.opened(), third.leg_ended()])
    async with home.open() as journal:
        found = await journal.exits(wanted)

        assert [each.operation_id for each in found] == expected
        assert all(wanted.matches(each) for each in found)


async def test_exits_are_paged_newest_first(journal: Journal) -> None:
    for number in range(5):
        story = Story(f"op-{number}")
        await journal.append([story.opened(), story.leg_ended()])

    page = await journal.exits(ExitFilter(), limit=2)
    rest = await journal.exits(ExitFilter(), before=page[-1].audit_seq)

    assert [each.operation_id for each in page] == ["op-4", "op-3"]
    assert [each.operation_id for each in rest] == ["op-2", "op-1", "op-0"]


async def test_recent_is_what_was_opened_or_finished_since(journal: Journal) -> None:
    old = Story("op-old", at=0)
    long_ = Story("op-long", at=10)
    young = Story("op-young", at=200)
    await journal.append([old.opened(), old.finished(after=5)])
    await journal.append([long_.opened(), young.opened(), long_.finished(after=240)])

    assert names(await journal.recent(moment(100))) == ["op-long", "op-young"]
    assert names(await journal.recent(moment(200))) == ["op-long", "op-young"]
    assert names(await journal.recent(moment(250))) == ["op-long"]
    assert names(await journal.recent(moment(250.000001))) == []
    assert names(await journal.recent(NOON)) == ["op-old", "op-long", "op-young"]


async def test_recent_knows_that_clocks_show_zones(journal: Journal) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    opened = Story("op-1", at=100).opened()
    await journal.append([replace(opened, at=opened.at.astimezone(india))])

    assert names(await journal.recent(moment(100).astimezone(india))) == ["op-1"]
    assert names(await journal.recent(moment(101).astimezone(india))) == []
    assert names(await journal.recent(moment(100))) == ["op-1"]
    assert names(await journal.recent(moment(101))) == []


async def test_a_key_names_the_first_operation_it_was_given_to(journal: Journal) -> None:
    for name in ("op-z", "op-a"):
        await journal.append([Story(name, key="k").opened()])

    row = await journal.find_key(ALICE, "k")

    assert row is not None
    assert row.operation_id == "op-z"


async def test_a_key_belongs_to_its_principal_and_is_never_forgotten(home: Home) -> None:
    async with home.open() as journal:
        await journal.append(Story("op-a", principal=ALICE, key="k").whole())
        await journal.append(Story("op-b", principal=BOB, key="k").whole())
        await journal.append(Story("op-c", principal=BOB).whole())
    async with home.open() as journal:
        alices = await journal.find_key(ALICE, "k")
        bobs = await journal.find_key(BOB, "k")
        nobodys = await journal.find_key(ALICE, "K")

    assert alices is not None
    assert bobs is not None
    assert (alices.operation_id, bobs.operation_id, nobodys) == ("op-a", "op-b", None)


# --- tokens ---------------------------------------------------------------------------------------


async def test_a_token_speaks_for_its_principal_until_it_is_revoked(home: Home) -> None:
    async with home.open() as journal:
        await journal.add_token(token("tok-1"), token_hash("secret"))
    async with home.open() as journal:
        row = token("tok-1")
        assert await journal.token_of(token_hash("secret")) == row
        assert await journal.token_of(token_hash("guess")) is None

        assert await journal.revoke_token(row.token_id, moment(5))
        [revoked] = await journal.tokens()
        assert await journal.token_of(token_hash("secret")) == revoked

    assert revoked == replace(row, revoked_at=moment(5))
    assert not revoked.is_good(moment(5))


async def test_everything_said_of_a_token_is_kept(home: Home) -> None:
    told = replace(token("tok-1"), expires_at=moment(60), created_by=BOB)
    async with home.open() as journal:
        await journal.add_token(told, token_hash("secret"))
    async with home.open() as journal:
        assert list(await journal.tokens()) == [told]
    assert told.is_good(moment(59))
    assert not told.is_good(moment(60))


async def test_a_tokens_life_can_be_shortened_and_never_prolonged(journal: Journal) -> None:
    for name, expires_at in (("tok-1", None), ("tok-2", moment(60))):
        row = replace(token(name), expires_at=expires_at)
        await journal.add_token(row, token_hash(name))

    for name in ("tok-1", "tok-2"):
        assert await journal.limit_token(TokenId(name), moment(90))
    assert [row.expires_at for row in await journal.tokens()] == [moment(90), moment(60)]

    assert await journal.limit_token(TokenId("tok-1"), moment(30))
    assert await journal.revoke_token(TokenId("tok-2"), NOON)
    assert not await journal.limit_token(TokenId("tok-2"), moment(1))
    assert not await journal.limit_token(TokenId("tok-none"), moment(1))
    assert [row.expires_at for row in await journal.tokens()] == [moment(30), moment(60)]


async def test_only_a_good_token_can_be_revoked(journal: Journal) -> None:
    await journal.add_token(token("tok-1"), token_hash("secret"))

    assert not await journal.revoke_token(TokenId("tok-none"), NOON)
    assert await journal.revoke_token(TokenId("tok-1"), NOON)
    assert not await journal.revoke_token(TokenId("tok-1"), moment(9))
    assert [row.revoked_at for row in await journal.tokens()] == [NOON]


async def test_tokens_are_listed_oldest_first(journal: Journal) -> None:
    await journal.add_token(token("tok-young", at=9), token_hash("a"))
    await journal.add_token(token("tok-old", principal=BOB, at=1), token_hash("b"))

    assert [row.token_id for row in await journal.tokens()] == ["tok-old", "tok-young"]


@pytest.mark.parametrize(("name", "secret"), [("tok-1", "another"), ("tok-2", "secret")])
async def test_a_token_is_given_once(journal: Journal, name: str, secret: str) -> None:
    await journal.add_token(token("tok-1"), token_hash("secret"))

    with pytest.raises(InvalidRequest, match="token_exists"):
        await journal.add_token(token(name), token_hash(secret))

    assert len(await journal.tokens()) == 1
    await journal.append([noted("and the journal goes on")])
