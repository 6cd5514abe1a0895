"""The audit is kept as long as somebody said: what is older moves into archives that verify."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from rpcserver.apis.registry import Registry
from rpcserver.app import JOURNAL_FILE
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.core.records import Noted, Record
from rpcserver.core.standing import Word
from rpcserver.domain.directive import Policy
from rpcserver.domain.principal import Role
from rpcserver.driver.engine import open_engine
from rpcserver.driver.folding import no_such_operation
from rpcserver.journal.memory import MemoryJournal
from rpcserver.journal.sqlite import open_journal
from rpcserver.retention import keep_retention, retention
from rpcserver.server.listener import serve
from rpcserver.server.settings import ServerSettings
from tests.cli.driving import lines_of
from tests.journal.stories import ALICE, Story, halted, noted
from tests.server.clients import Frame, connect_client, let_in

YEAR = timedelta(days=365)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def aged(records: Sequence[Record], age: timedelta) -> list[Record]:
    return [replace(record, at=datetime.now(UTC) - age) for record in records]


async def noticed(journal: MemoryJournal, days: int, archives: Path) -> list[Noted]:
    """What one round of the task notes."""
    async with open_engine(journal, {}) as engine, anyio.create_task_group() as tasks:
        tasks.start_soon(keep_retention, engine, journal, archives, days)
        await anyio.sleep(0.2)
        tasks.cancel_scope.cancel()
    records = [entry.record for entry in await journal.entries()]
    return [each for each in records if isinstance(each, Noted) and each.code.startswith("audit")]


@pytest.mark.anyio
async def test_what_is_older_than_the_settings_say_goes_and_is_noted(tmp_path: Path) -> None:
    journal = MemoryJournal()
    story = Story("op-1")
    await journal.append([*aged(story.whole(), YEAR), *aged([noted()], timedelta(days=8))])

    [note] = await noticed(journal, 30, tmp_path)

    assert (note.code, note.alert) == ("audit_pruned", False)
    assert note.detail == "entries 1 to 5 are in audit-1-5.jsonl (kept for 30 days)"
    assert (tmp_path / "audit-1-5.jsonl").read_text().count("\n") == 5
    refused = await no_such_operation(journal, story.operation_id)
    assert refused.detail.endswith("entries up to 5 of the audit are in its archives only")


@pytest.mark.anyio
async def test_whoever_watches_the_audit_is_told_what_goes_without_a_gap(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append([*aged([halted("h")], YEAR), *aged([noted()] * 3, YEAR)])
    async with open_engine(journal, {}) as engine:
        await let_in(engine, "rita", {Role.RISK})
        async with (
            serve(ServerSettings(port=0), engine, Registry()) as server,
            connect_client(server.port, "rita") as client,
            anyio.create_task_group() as tasks,
        ):
            await client.say(action="subscribe", channels=["audit"])
            before = (await client.hear())["snapshot"]["audit"]
            tasks.start_soon(keep_retention, engine, journal, tmp_path, 30)
            heard: list[Frame] = []
            while not any(item["detail"].startswith("audit_pruned") for item in heard):
                heard += (await client.hear())["items"]
            tasks.cancel_scope.cancel()

    assert [item["kind"] for item in heard] == ["directive_set", "pruned", "noted"]
    assert heard[1]["detail"] == "entries 1 to 4 are in audit-1-4.jsonl (kept for 30 days)"
    places = [item["auditSeq"] for item in heard]
    first = before[-1]["auditSeq"] + 1
    assert places == [first, first + 1, first + 2]


@pytest.mark.anyio
async def test_without_a_word_it_is_kept_for_ever(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append(aged([noted()], YEAR))

    assert await noticed(journal, 0, tmp_path) == []
    assert (await journal.anchor()).audit_seq == 0


@pytest.mark.anyio
async def test_an_archive_that_cannot_be_written_is_an_alert(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append(aged([noted()], YEAR))
    (tmp_path / "file").write_text("")

    [note] = await noticed(journal, 30, tmp_path / "file")

    assert (note.code, note.alert) == ("audit_not_pruned", True)
    assert (await journal.anchor()).audit_seq == 0


@pytest.mark.anyio
async def test_a_policy_wins_and_a_week_is_the_least() -> None:
    async with open_engine(MemoryJournal(), {}) as engine:
        assert retention(engine, 0) is None
        assert retention(engine, 30) == timedelta(days=30)
        await engine.lay_down(Policy(retention_days=90), Word(principal=ALICE, reason="the house"))
        assert retention(engine, 30) == timedelta(days=90)
        await engine.lay_down(Policy(retention_days=1), Word(principal=ALICE, reason="too short"))
        assert retention(engine, 30) == timedelta(days=7)
        await engine.lay_down(Policy(), Word(principal=ALICE, reason="no word on it"))
        assert retention(engine, 30) == timedelta(days=30)


def test_a_person_prunes_a_stopped_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        async with open_journal(tmp_path / JOURNAL_FILE, ballast_bytes=4096) as journal:
            await journal.append([*aged(Story("op-1").whole(), YEAR), *aged([noted()], YEAR / 365)])

    asyncio.run(write())
    here = ("--data-dir", str(tmp_path))
    archive = str(tmp_path / "audit-1-5.jsonl")
    month_ago = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"

    assert main(["audit", "prune", "--before", month_ago, "--json", *here]) == Exit.OK
    [told] = lines_of(capsys.readouterr().out)
    assert told["data"] == {"pruned": 5, "archive": "audit-1-5.jsonl"}
    assert main(["audit", "prune", "--before", month_ago, "--json", *here]) == Exit.OK
    assert lines_of(capsys.readouterr().out)[0]["data"] == {"pruned": 0}

    assert main(["audit", "verify", "--offline", *here]) == Exit.OK
    assert main(["audit", "verify", "--export", archive]) == Exit.OK
    capsys.readouterr()
    both = ["audit", "verify", "--offline", "--export", archive, "--json", *here]
    assert main(both) == Exit.OK
    assert '"records":7' in capsys.readouterr().out.replace(" ", "")

    (tmp_path / "audit-1-5.jsonl").write_text("")
    assert main(both) == Exit.UNHEALTHY


def test_what_is_young_is_not_pruned_by_hand_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"

    assert main(["audit", "prune", "--before", today, "--data-dir", str(tmp_path)]) != Exit.OK
    assert "at least 7 days ago" in capsys.readouterr().err.replace("\n", " ")
