"""The generated files are what the code says, and no api is told worse than it could be."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.contract.answers import ANSWERS
from rpcserver.contract.files import generated_files
from rpcserver.contract.words import PROGRESS_EVENTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", generated_files(), ids=str)
def test_every_generated_file_is_what_the_code_says(path: PurePosixPath) -> None:
    told = (ROOT / path).read_text(encoding="utf-8")

    assert told == generated_files()[path], "run `make generate`"
    assert "Generated" in told.splitlines()[0]


def test_every_answer_is_of_an_api() -> None:
    assert set(registry.names) >= ANSWERS.keys()


def test_every_event_of_the_table_is_a_word_of_progress() -> None:
    text = (ROOT / "protocol.md").read_text(encoding="utf-8")
    table = text.split("| event | what happened |\n|---|---|\n")[1].split("\n\n")[0]
    told = {
        word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert told == set(PROGRESS_EVENTS)
    assert len(PROGRESS_EVENTS) == len(told)
