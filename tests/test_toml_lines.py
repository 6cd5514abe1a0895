"""Where keys stand in a TOML text, whatever the values look like."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from rpcserver.toml_lines import key_lines

VALUES = (
    "1",
    '"a # text"',
    '"x = 1 ["',
    "'[table]'",
    '"\\" ["',
    "[1, 2] # [",
    "[\n  1,\n  '[',\n# x = ]\n]",
    '"""\nx = 1\n[table]\n\\""" " still\n"""',
    "'''\nx = 1\n'''",
    "{ x = 1, y = [2] }",
    "[\n  { x = 1 },\n]",
    '""',
)
NAMES = ("x", "y", "table", "a-b", '"quoted"', "'literal'")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "# comment x = 1", " "]),
            st.sampled_from(NAMES),
            st.sampled_from(VALUES),
        ),
        unique_by=lambda entry: entry[1],
    ),
    st.booleans(),
)
def test_every_key_is_found_where_it_stands(
    entries: list[tuple[str, str, str]], in_table: bool
) -> None:
    lines = ["[some.table]"] if in_table else []
    expected: dict[str, int] = {"some.table": 1} if in_table else {}
    for before, name, value in entries:
        lines.append(before)
        lines.append(f"  {name} = {value}")
        key = name.strip("\"'")
        expected[f"some.table.{key}" if in_table else key] = (
            sum(line.count("\n") + 1 for line in lines[:-1]) + 1
        )
    text = "\n".join(lines)
    tomllib.loads(text)

    assert key_lines(text) == expected


def test_a_dotted_key_is_found_by_its_whole_name() -> None:
    found: Mapping[str, int] = key_lines('venue.seed = 1\n[ limits ]\n"ping" . timeout = 2\n')

    assert found == {"venue.seed": 1, "limits": 2, "limits.ping.timeout": 3}
