"""protocol.md, “The guide's checklist”: every line of the guide names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
BROWSER = TESTS.parent / "clients" / "dashboard" / "browser"
TEXT = (TESTS.parent / "protocol.md").read_text(encoding="utf-8")
CHAPTER = TEXT.partition(". The guide's checklist\n")[2].partition("\n## ")[0]
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in CHAPTER.splitlines()
    if line.startswith("| ") and not line.startswith("| of ")
]
PARTS = {"user settings", "admin settings", "best practices", "security", "workflow"}


def test_every_part_of_the_guide_is_there() -> None:
    assert {line[0] for line in LINES} == PARTS


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line[0]}: {line[1]}")
def test_what_a_line_names_exists(line: list[str]) -> None:
    _, asked, where, shown = line
    here = re.findall(r"`([\w/]+\.py)::(\w+)`", shown)
    in_the_browser = re.findall(r"`([\w-]+\.spec\.ts)::([^`]+)`", shown)

    assert asked
    assert where
    assert here or in_the_browser, "no test shows it"
    for path, name in here:
        source = (TESTS / path).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{path}::{name}"
    for path, name in in_the_browser:
        source = (BROWSER / path).read_text(encoding="utf-8")
        assert f'test("{name}"' in source, f"{path}::{name}"
