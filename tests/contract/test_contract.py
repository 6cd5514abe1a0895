"""The generated files are what the code says, and no api is told worse than it could be."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.contract.answers import ANSWERS
from rpcserver.contract.files import generated_files
from rpcserver.contract.words import PROGRESS_EVENTS
from tests.apis import samples

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", generated_files(), ids=str)
def test_every_generated_file_is_what_the_code_says(path: PurePosixPath) -> None:
    told = (ROOT / path).read_text(encoding="utf-8")

    assert told == generated_files()[path], "run `make generate`"
    assert "Generated" in told.splitlines()[0]


def test_every_api_has_its_answer() -> None:
    assert set(registry.names) == ANSWERS.keys()


@pytest.mark.parametrize("name", registry.names)
def test_every_answer_is_of_its_type_and_has_no_key_beside(name: str) -> None:
    data = samples.read_by_client(name)

    told = msgspec.json.decode(msgspec.json.encode(data), type=ANSWERS[name])

    assert untyped(data, told) == []


def untyped(data: object, told: object) -> list[str]:
    """The keys of *data*, at any depth, that the type of *told* does not know."""
    match data, told:
        case dict(), msgspec.Struct():
            fields = dict(zip(told.__struct_encode_fields__, told.__struct_fields__, strict=True))
            inner = (
                (data[key], getattr(told, name)) for key, name in fields.items() if key in data
            )
            beside = sorted(data.keys() - fields.keys())
            return [*beside, *(key for each in inner for key in untyped(*each))]
        case list(), list() | tuple():
            return [key for pair in zip(data, told, strict=True) for key in untyped(*pair)]
    return []


def test_every_event_of_the_table_is_a_word_of_progress() -> None:
    text = (ROOT / "protocol.md").read_text(encoding="utf-8")
    table = text.split("| event | what happened |\n|---|---|\n")[1].split("\n\n")[0]
    told = {
        word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert told == set(PROGRESS_EVENTS)
    assert len(PROGRESS_EVENTS) == len(told)
