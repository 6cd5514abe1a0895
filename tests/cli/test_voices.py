"""Nobody reads on: what tells ends quietly, what acts goes on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcserver.app import JOURNAL_FILE
from rpcserver.cli.exits import Exit
from rpcserver.cli.voices import ReaderGone, Voice, acting
from rpcserver.core.records import Noted
from rpcserver.journal.sqlite import open_journal
from tests.cli.driving import FLAT, TOKEN, answer, answering, closing, leg
from tests.clients.scripted import Frame, playing
from tests.journal.stories import NOON, Story

ENTRIES = 3000  # far more than a pipe holds


@pytest.fixture
def nobody() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a long journal."""
    directory = tmp_path_factory.mktemp("server")

    async def write() -> None:
        async with open_journal(directory / JOURNAL_FILE, ballast_bytes=4096) as journal:
            for number in range(3):
                await journal.append(Story(f"op-{number}").whole())
            await journal.append(
                [Noted(at=NOON, mono=0.0, code="test", detail="x" * 100) for _ in range(ENTRIES)]
            )

    asyncio.run(write())
    return directory


def told_to(stdout: int, *arguments: str) -> tuple[int, str]:
    """The exit code of a command whose stdout is *stdout*, and what it says on stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", "rpcserver", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "RPCSERVER_TOKEN": TOKEN},
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("audit", "export", "--data-dir", "DIR"),
        ("audit", "export-csv", "--data-dir", "DIR"),
        ("settings", "--json"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_whoever_only_tells_ends_quietly(
    nobody: int, data_dir: Path, command: tuple[str, ...]
) -> None:
    arguments = [str(data_dir) if part == "DIR" else part for part in command]

    assert told_to(nobody, *arguments) == (Exit.READER_GONE, "")


def test_a_read_of_the_server_ends_quietly(nobody: int) -> None:
    with playing(answering({"alerts": [], "count": 0, "success": True})) as url:
        assert told_to(nobody, "alerts", "--json", "--url", url) == (Exit.READER_GONE, "")


@pytest.mark.parametrize(
    ("form", "data", "code"),
    [((), FLAT, Exit.OK), (("--json",), answer(leg(1, "partial")), Exit.NOT_FLAT)],
)
def test_what_closes_goes_on_and_ends_with_its_own_code(
    nobody: int, form: tuple[str, ...], data: Frame, code: Exit
) -> None:
    asked: list[Frame] = []
    with playing(closing(data, asked)) as url:
        said = told_to(nobody, "flatten", "--account", "Sim101", "--yes", *form, "--url", url)

    assert [each["api"] for each in asked] == ["Flatten"]
    assert said[0] == code
    assert "Traceback" not in said[1]


def test_what_is_said_to_nobody_while_acting_is_lost_in_silence(nobody: int) -> None:
    voice = Voice(open(os.dup(nobody), "wb"), write_through=True)  # noqa: SIM115  # closed below

    with acting():
        assert voice.write("closing\n") == len("closing\n")
        voice.flush()
    voice.write("and it stays silent\n")
    voice.close()


def test_what_is_said_to_nobody_otherwise_ends_it(nobody: int) -> None:
    voice = Voice(open(os.dup(nobody), "wb"))  # noqa: SIM115  # closed below

    voice.write("a line\n")
    with pytest.raises(ReaderGone):
        voice.flush()
    voice.close()


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_were_closed_before_are_no_trouble(closed: tuple[int, ...]) -> None:
    """As whoever starts a command from a daemon may leave them."""
    shell = " ".join(f"{number}>&-" for number in closed)
    command = f"exec {sys.executable} -m rpcserver --help {shell}"
    ended = subprocess.run(["/bin/sh", "-c", command], timeout=30, check=False)

    assert ended.returncode == Exit.OK
