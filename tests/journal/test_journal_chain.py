"""What was edited, taken out, put into another order or cut off is found, and named."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.core.entries import ChainReport, Head
from rpcserver.journal.chain import GENESIS, Link, Walk, seal
from rpcserver.journal.export import NotAnExport, export_chain, read_export, verify_export
from rpcserver.journal.reader import open_reader
from rpcserver.journal.sqlite import open_journal
from tests.journal.stories import noted
from tests.journal.tampering import tampering

pytestmark = pytest.mark.anyio

ENTRIES = 10  # of the fixture `path`


async def verify(path: Path, *, witness: Head | None = None) -> ChainReport:
    async with open_reader(path) as reader:
        return await reader.verify(witness=witness)


# --- the chain ------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [1, 5, ENTRIES])
async def test_an_edit_is_found(path: Path, entry: int) -> None:
    with tampering(path) as db:
        db.execute(
            "UPDATE records SET body = replace(body, '2026', '2025') WHERE audit_seq = ?", (entry,)
        )

    report = await verify(path)

    assert (report.intact, report.first_broken) == (False, entry)
    assert report.head.audit_seq == report.records == entry - 1


async def test_an_edited_hash_is_found(path: Path) -> None:
    with tampering(path) as db:
        db.execute("UPDATE records SET audit_hash = zeroblob(32) WHERE audit_seq = 4")

    assert (await verify(path)).first_broken == 4


async def test_an_edit_that_is_sealed_anew_is_found_at_the_next_entry(path: Path) -> None:
    with tampering(path) as db:
        [(previous,)] = db.execute("SELECT audit_hash FROM records WHERE audit_seq = 3")
        [forged] = seal([noted("forged")], Head(audit_seq=3, audit_hash=previous.hex()))
        db.execute(
            "UPDATE records SET audit_hash = ?, body = ? WHERE audit_seq = 4",
            (forged.audit_hash, forged.body),
        )

    assert (await verify(path)).first_broken == 5


async def test_what_was_taken_out_of_the_middle_is_found(path: Path) -> None:
    with tampering(path) as db:
        db.execute("DELETE FROM records WHERE audit_seq BETWEEN 4 AND 5")

    report = await verify(path)

    assert report.first_broken == 4
    assert report.detail == "entry 4 is missing: entry 6 comes next"


async def test_another_order_is_found(path: Path) -> None:
    with tampering(path) as db:
        rows = db.execute("SELECT audit_hash, body FROM records WHERE audit_seq IN (3, 4)")
        for seq, row in zip((4, 3), rows.fetchall(), strict=True):
            db.execute(
                "UPDATE records SET audit_hash = ?, body = ? WHERE audit_seq = ?", (*row, seq)
            )

    assert (await verify(path)).first_broken == 3


async def test_a_cut_off_end_is_found_by_the_index(path: Path) -> None:
    with tampering(path) as db:
        db.execute("DELETE FROM records WHERE audit_seq > 8")

    assert (await verify(path)).first_broken == 9


async def test_a_cut_off_end_is_found_by_a_witness_when_the_index_was_cut_too(
    path: Path, head: Head
) -> None:
    with tampering(path) as db:
        db.execute("DELETE FROM records WHERE audit_seq > 8")
        db.execute("DELETE FROM places WHERE audit_seq > 8")

    alone, witnessed = await verify(path), await verify(path, witness=head)

    assert alone.intact  # a chain cannot show it: that is what witnesses are for
    assert (witnessed.intact, witnessed.first_broken) == (False, 9)


async def test_a_chain_rewritten_from_the_start_is_found_by_a_witness(
    path: Path, head: Head
) -> None:
    forged = seal([noted(str(number)) for number in range(ENTRIES)], GENESIS)
    with tampering(path) as db:
        db.execute("DELETE FROM records")
        db.executemany("INSERT INTO records VALUES (?, ?, ?)", forged)

    alone, witnessed = await verify(path), await verify(path, witness=head)

    assert alone.intact
    assert witnessed.first_broken == ENTRIES


async def test_a_running_server_is_its_own_witness(fresh: Path) -> None:
    async with open_journal(fresh, ballast_bytes=1) as journal:
        await journal.append([noted("a"), noted("b")])  # of no operation: no index knows of them
        with tampering(fresh) as db:
            db.execute("DELETE FROM records WHERE audit_seq = 2")

        assert (await journal.verify()).first_broken == 2


async def test_a_body_that_is_no_text_any_more_is_found(path: Path) -> None:
    with tampering(path) as db:
        db.execute("UPDATE records SET body = CAST(x'ff' AS TEXT) WHERE audit_seq = 7")

    report = await verify(path)

    assert report.intact is False
    assert "cannot be read" in report.detail


Tamper = Callable[[list[Link], int], list[Link]]


def _edit(links: list[Link], at: int) -> list[Link]:
    return [*links[:at], links[at]._replace(body=links[at].body + " "), *links[at + 1 :]]


def _delete(links: list[Link], at: int) -> list[Link]:
    return [*links[:at], *links[at + 1 :]]


def _repeat(links: list[Link], at: int) -> list[Link]:
    return [*links[:at], links[at], *links[at:]]


def _swap(links: list[Link], at: int) -> list[Link]:
    return [*links[:at], links[at + 1], links[at], *links[at + 2 :]]


@given(
    count=st.integers(2, 12),
    data=st.data(),
    tamper=st.sampled_from([_edit, _delete, _repeat, _swap]),
)
@settings(deadline=None)
def test_the_first_broken_entry_is_named(count: int, data: st.DataObject, tamper: Tamper) -> None:
    links = seal([noted(str(number)) for number in range(count)], GENESIS)
    at = data.draw(st.integers(0, count - 2))

    walk = Walk()
    walk.follow(tamper(links, at))
    report = walk.finish()

    expected = at + 2 if tamper is _repeat else at + 1
    assert (report.intact, report.first_broken) == (False, expected)


# --- exports --------------------------------------------------------------------------------------


async def test_an_export_is_checked_without_the_database(path: Path, head: Head) -> None:
    out = io.StringIO()
    async with open_reader(path) as reader:
        assert await export_chain(reader, out) == head
        entries = await reader.entries()
    lines = out.getvalue().splitlines()

    report = verify_export(lines, witness=head)
    assert (report.intact, report.records, report.head) == (True, ENTRIES, head)
    assert [link.entry for link in read_export(lines)] == list(entries)

    lines[4] = lines[4].replace("5774.25", "5774.75").replace("alice", "mallory")
    lines[2] = lines[2].replace("5774.25", "5774.75")
    assert verify_export(lines).first_broken == 3
    assert verify_export(lines[:-1], witness=head).intact is False


async def test_an_export_goes_on_where_the_last_one_ended(path: Path, head: Head) -> None:
    out = io.StringIO()
    async with open_reader(path) as reader:
        assert await export_chain(reader, out, after=8) == head
        assert await export_chain(reader, out, after=ENTRIES) == GENESIS

    assert [link.audit_seq for link in read_export(out.getvalue().splitlines())] == [9, 10]


@pytest.mark.parametrize("line", ["", "{}", '{"audit_seq":1,"audit_hash":"zz","record":{}}'])
def test_what_is_no_export_is_said_to_be_none(line: str) -> None:
    with pytest.raises(NotAnExport, match="line 1"):
        verify_export([line])
