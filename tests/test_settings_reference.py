"""The table of settings in protocol.md is the code."""

from __future__ import annotations

import re
from pathlib import Path

from rpcserver.settings import setting_keys
from rpcserver.settings_reference import reference

TEXT = (Path(__file__).parents[1] / "protocol.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_the_code() -> None:
    expected = [
        f"| `{row.key}` | {row.type} | {row.unit} | `{row.default}` | {row.meaning} |"
        for row in reference()
    ]

    [table] = re.findall(r"^\| setting \| type \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)

    assert table.splitlines() == expected, "\n".join(expected)


def test_every_setting_is_there_and_says_what_it_is_for() -> None:
    rows = list(reference())

    assert [row.key for row in rows] == list(setting_keys())
    assert all(row.type and row.meaning and row.default for row in rows)
