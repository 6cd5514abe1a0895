"""The commands that touch the data directory itself: doctor, audit, serve, venue."""

from __future__ import annotations

import asyncio
import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rpcserver.app import JOURNAL_FILE
from rpcserver.cli.connection import Connection
from rpcserver.cli.doctor import Finding, Health, examine
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main
from rpcserver.core.records import Noted, Record
from rpcserver.journal.sqlite import open_journal
from rpcserver.settings import setting_keys
from tests.cli.driving import answering, lines_of, press
from tests.clients.scripted import Frame, playing
from tests.journal.stories import Story

NOWHERE = Connection(url="ws://127.0.0.1:1/ws/stream")


def write_journal(directory: Path, *, records: int = 3, age: int = 0) -> None:
    """A journal as a server would leave it; its entries are *age* days old."""

    async def write() -> None:
        async with open_journal(directory / JOURNAL_FILE, ballast_bytes=4096) as journal:
            await journal.append(
                [
                    Noted(
                        at=datetime.now(UTC) - timedelta(days=age),
                        mono=0.0,
                        code="started",
                        detail=str(number),
                    )
                    for number in range(records)
                ]
            )

    asyncio.run(write())


def findings_of(directory: Path, connection: Connection = NOWHERE) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(directory, connection)}


# --- doctor --------------------------------------------------------------------------------------


def test_a_machine_without_a_server_yet_is_not_ill(tmp_path: Path) -> None:
    found = findings_of(tmp_path / "none")

    assert found["data directory"].health is Health.NOTE
    assert found["server"].health is Health.NOTE
    assert "nobody answers" in found["server"].detail


def test_a_sound_directory_is_found_sound(tmp_path: Path) -> None:
    write_journal(tmp_path)
    token = tmp_path / "admin.token"
    token.write_text("secret\n", encoding="utf-8")
    token.chmod(0o600)

    found = findings_of(tmp_path)

    for what in ("data directory", "disk", "lock", "token file", "journal", "operations", "clock"):
        assert found[what].health is Health.GOOD, found[what]
    assert "intact: 3 records" in found["journal"].detail
    assert "free" in found["lock"].detail


def test_what_a_stop_left_unfinished_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story("op-7")

    async def crash() -> None:
        async with open_journal(tmp_path / JOURNAL_FILE, ballast_bytes=4096) as journal:
            await journal.append([story.opened(), story.intended()])

    asyncio.run(crash())
    found = findings_of(tmp_path)["op-7"]
    main(["doctor", "--json", "--data-dir", str(tmp_path), "--url", NOWHERE.url])
    [line] = [line for line in lines_of(capsys.readouterr().out) if line["what"] == "op-7"]

    assert found.health is Health.NOTE
    assert "at the stop 0 of 1 legs were done" in found.detail
    assert "op-7-1 (sell 2 MES 12-25 in Sim101): still unknown" in found.detail
    recount: Any = line["recount"]
    assert recount["asked"][0]["is_unknown"] is True


def test_what_only_a_person_can_settle_is_bad(tmp_path: Path) -> None:
    story = Story("op-7")
    records: list[Record] = [story.opened(), story.intended()]
    records.append(story.finished(settled=False, success=False))

    async def crash() -> None:
        async with open_journal(tmp_path / JOURNAL_FILE, ballast_bytes=4096) as journal:
            await journal.append(records)

    asyncio.run(crash())
    found = findings_of(tmp_path)["op-7"]

    assert found.health is Health.BAD
    assert "rpcserver resolve op-7-1 --outcome filled" in found.detail


def test_a_persons_word_is_sent_to_the_server() -> None:
    asked: list[Frame] = []
    arguments = ["resolve", "op-7-1", "--outcome", "filled", "--filled", "2", "--reason", "phoned"]

    assert press(*arguments, scenes=(answering({"success": True}, asked),)) == Exit.OK
    assert asked[0]["api"] == "ResolveOrder"
    assert asked[0]["args"] == {
        "clientOrderId": "op-7-1",
        "outcome": "filled",
        "filled": "2",
        "reason": "phoned",
    }


@pytest.mark.parametrize("filled", ["many", "-1", "nan"])
def test_a_word_that_is_no_quantity_is_refused(filled: str) -> None:
    arguments = ["resolve", "x", "--outcome", "filled", "--filled", filled, "--reason", "phoned"]

    assert main([*arguments, "--url", NOWHERE.url]) == Exit.ERROR


def test_a_token_that_others_can_read_is_bad(tmp_path: Path) -> None:
    token = tmp_path / "admin.token"
    token.write_text("secret\n", encoding="utf-8")
    token.chmod(0o644)

    assert findings_of(tmp_path)["token file"].health is Health.BAD


def test_a_directory_that_others_can_write_is_bad(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    assert findings_of(tmp_path)["data directory"].health is Health.BAD


def test_a_journal_that_is_none_is_bad(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(b"not a database" * 100)

    assert findings_of(tmp_path)["journal"].health is Health.BAD
    assert main(["doctor", "--data-dir", str(tmp_path), "--url", NOWHERE.url]) == Exit.UNHEALTHY


def test_a_running_server_is_named(tmp_path: Path) -> None:
    async def look() -> Finding:
        async with open_journal(tmp_path / JOURNAL_FILE, ballast_bytes=4096):
            return await asyncio.to_thread(lambda: findings_of(tmp_path)["lock"])

    assert str(os.getpid()) in asyncio.run(look()).detail


@pytest.mark.parametrize(
    ("ahead", "health"), [(timedelta(0), Health.GOOD), (timedelta(seconds=30), Health.BAD)]
)
def test_a_server_that_answers_is_asked_for_its_time(ahead: timedelta, health: Health) -> None:
    epoch = round((datetime.now(UTC) + ahead).timestamp() * 1000)

    with playing(answering({"success": True, "epoch": epoch})) as url:
        found = findings_of(Path("/nowhere"), Connection(url=url))

    assert found["server"].health is Health.GOOD
    assert found["server clock"].health is health


def test_programs_get_one_finding_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["doctor", "--json", "--data-dir", str(tmp_path / "x"), "--url", NOWHERE.url]

    assert main(arguments) == Exit.OK
    assert [line["what"] for line in lines_of(capsys.readouterr().out)] == [
        "data directory",
        "server",
    ]


# --- audit ---------------------------------------------------------------------------------------


def test_an_export_can_be_checked_by_anyone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_journal(tmp_path)
    copy = tmp_path / "audit.jsonl"
    data_dir = ["--data-dir", str(tmp_path)]

    assert main(["audit", "export", str(copy), *data_dir]) == Exit.OK
    assert main(["audit", "verify", "--export", str(copy)]) == Exit.OK
    assert main(["audit", "verify", "--offline", *data_dir]) == Exit.OK
    assert "INTACT" in capsys.readouterr().out
    assert main(["audit", "export", *data_dir]) == Exit.OK
    assert capsys.readouterr().out == copy.read_text(encoding="utf-8")


def test_the_exit_log_as_csv_is_no_formula(tmp_path: Path) -> None:
    """What a caller gave as its reason is opened in other people's spreadsheets."""
    story = Story(tag="\t=cmd")
    asyncio.run(_write(tmp_path, story.opened(), story.leg_ended()))
    copy = tmp_path / "exits.csv"

    assert main(["audit", "export-csv", str(copy), "--data-dir", str(tmp_path)]) == Exit.OK

    [line] = csv.DictReader(copy.read_text().splitlines())
    assert line["strategy"] == "'\t=cmd"
    assert (line["instrument"], line["side"], line["quantity"]) == ("MES 12-25", "short", "2")
    assert (line["closed"], line["averagePrice"], line["remaining"]) == ("2", "5774.25", "0")
    assert line["provenAt"] == "2026-03-03T12:00:00.000000Z"


async def _write(directory: Path, *records: Record) -> None:
    async with open_journal(directory / JOURNAL_FILE, ballast_bytes=1) as journal:
        await journal.append(records)


def test_a_changed_export_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_journal(tmp_path)
    copy = tmp_path / "audit.jsonl"
    main(["audit", "export", str(copy), "--data-dir", str(tmp_path)])
    copy.write_text(copy.read_text(encoding="utf-8").replace('"1"', '"9"'), encoding="utf-8")

    assert main(["audit", "verify", "--export", str(copy)]) == Exit.UNHEALTHY
    assert "BROKEN" in capsys.readouterr().out


def test_a_witness_shows_that_an_end_was_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_journal(tmp_path)
    copy = tmp_path / "audit.jsonl"
    main(["audit", "export", str(copy), "--data-dir", str(tmp_path)])
    lines = copy.read_text(encoding="utf-8").splitlines(keepends=True)
    witness = f"3:{lines_of(lines[-1])[0]['audit_hash']}"
    arguments = ["audit", "verify", "--export", str(copy), "--witness", witness]
    assert main(arguments) == Exit.OK

    copy.write_text("".join(lines[:-1]), encoding="utf-8")

    assert main(["audit", "verify", "--export", str(copy)]) == Exit.OK  # a chain alone cannot tell
    assert main(arguments) == Exit.UNHEALTHY
    capsys.readouterr()


def test_a_witness_of_what_was_pruned_is_held_against_the_archives_or_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_journal(tmp_path, age=30)
    main(["audit", "export", "--data-dir", str(tmp_path)])
    told = lines_of(capsys.readouterr().out)[1]["audit_hash"]
    before = f"{datetime.now(UTC) - timedelta(days=20):%Y-%m-%d}"
    assert main(["audit", "prune", "--before", before, "--data-dir", str(tmp_path)]) == Exit.OK
    verify = ["audit", "verify", "--offline", "--data-dir", str(tmp_path)]
    archive = ["--export", str(tmp_path / "audit-1-3.jsonl")]
    true, forged = f"2:{told}", f"2:{'0' * 64}"

    for witness in (true, forged):
        assert main([*verify, "--witness", witness]) == Exit.UNKNOWN
        assert "entry 2 is in an archive" in capsys.readouterr().err
    assert main([*verify, *archive, "--witness", true]) == Exit.OK
    assert main([*verify, *archive, "--witness", forged]) == Exit.UNHEALTHY
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["audit", "verify", "--offline", "--data-dir", "/nowhere"], Exit.UNHEALTHY),
        (["audit", "export", "--data-dir", "/nowhere"], Exit.ERROR),
        (["audit", "verify", "--export", "/nowhere"], Exit.ERROR),
        (["audit", "verify", "--witness", "seven"], Exit.ERROR),
    ],
)
def test_what_is_not_there_is_said(arguments: list[str], code: Exit) -> None:
    assert main(arguments) == code


# --- serve and venue -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "venue"])
def test_settings_that_cannot_be_used_start_nothing(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "rpcserver.toml"
    config.write_text("prot = 1\n", encoding="utf-8")

    assert main([command, "--config", str(config)]) == Exit.ERROR
    assert "did you mean port?" in capsys.readouterr().err


def test_beyond_this_machine_only_by_an_explicit_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == Exit.ERROR
    assert "no TLS" in capsys.readouterr().err


# --- settings ------------------------------------------------------------------------------------


def test_settings_are_told_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--json"]) == Exit.OK
    told = {line["key"]: line for line in lines_of(capsys.readouterr().out)}
    assert told.keys() == set(setting_keys())
    assert told["drain_timeout"]["unit"] == "s"

    assert main(["settings"]) == Exit.OK
    assert "drain_timeout" in capsys.readouterr().out
