"""Every alert is in the table, and the table is protocol.md's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from rpcserver.domain.alerts import CODES

ROOT = Path(__file__).parents[2]
TELLS = {"alert", "_tell", "_note", "Noticed"}
FOR_THE_AUDIT = {"token_created", "token_rotated", "token_revoked"}  # and for nobody else


def calls() -> Iterator[ast.Call]:
    for path in sorted((ROOT / "rpcserver").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name_of(node.func) in TELLS:
                yield node


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def code_of(call: ast.Call) -> str | None:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name_of(call.func) == "Noticed" and "alert" not in given:
        return None  # for the audit alone
    code = given.get("code", call.args[0] if call.args else None)
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        return code.value if re.fullmatch(r"[a-z]+(_[a-z]+)+", code.value) else None
    return None


def test_every_code_that_is_told_is_known() -> None:
    told = {code for call in calls() if (code := code_of(call)) is not None}

    assert len(told) > 20
    assert told - FOR_THE_AUDIT <= CODES.keys()


def test_every_code_that_is_known_is_told_somewhere() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "rpcserver").rglob("*.py")
        if path.name != "alerts.py" or path.parent.name != "domain"
    )

    assert [code for code in CODES if f'"{code}"' not in source] == []


def test_the_table_of_protocol_md_is_the_code() -> None:
    text = (ROOT / "protocol.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\| code \| what happened \|\n\|---\|---\|\n((?:\|.*\n)+)", text)

    expected = [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]
    assert table.splitlines() == expected, "\n".join(expected)
