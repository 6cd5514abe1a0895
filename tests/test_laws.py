"""Every law has a test by its number: `test_law_07_unknown_is_live`."""

from __future__ import annotations

import re
from pathlib import Path

LAWS = range(1, 41)

_NAME = re.compile(r"^\s*(?:async )?def (test_law_(\d+)_\w+)", re.MULTILINE)


def names_by_law() -> dict[int, list[str]]:
    """The tests of this tree that bear a law's number."""
    found: dict[int, list[str]] = {}
    for file in sorted(Path(__file__).parent.rglob("test_*.py")):
        for name, number in _NAME.findall(file.read_text(encoding="utf-8")):
            found.setdefault(int(number), []).append(name)
    return found


def test_every_law_has_a_test_by_its_name() -> None:
    missing = set(LAWS) - names_by_law().keys()
    assert not missing, f"no test_law_NN_… for {sorted(missing)}"


def test_no_test_bears_the_number_of_a_law_there_is_not() -> None:
    assert names_by_law().keys() <= set(LAWS)


def test_a_number_is_written_with_two_digits() -> None:
    """So that `pytest -k test_law_07` finds all of them."""
    names = [name for of_law in names_by_law().values() for name in of_law]
    assert [name for name in names if not re.match(r"test_law_\d\d_", name)] == []
