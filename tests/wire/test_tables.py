from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

import rpcserver
from rpcserver.wire.close_codes import CloseCode
from rpcserver.wire.errors import ERRORS, Remedy, status_of
from rpcserver.wire.framing import text_frame


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_is_explained(code: CloseCode) -> None:
    assert code.meaning.endswith(".")
    assert 1000 < code < 1016 or 4000 <= code < 5000


def test_a_wrong_token_is_not_tried_again_and_a_restart_is() -> None:
    assert not CloseCode.UNAUTHENTICATED.may_retry
    assert not CloseCode.REVOKED.may_retry
    assert not CloseCode.POLICY.may_retry
    assert CloseCode.RESTART.may_retry
    assert CloseCode.SLOW_CONSUMER.may_retry


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_code_is_a_snake_case_word_with_a_meaning(code: str) -> None:
    assert code == code.lower()
    assert code.replace("_", "").isalpha()
    assert ERRORS[code].meaning.endswith(".")
    assert 400 <= ERRORS[code].status < 600


def test_an_unknown_outcome_is_never_worded_as_one_to_retry() -> None:
    assert ERRORS["outcome_unknown"].remedy is Remedy.ASK
    assert ERRORS["internal"].remedy is Remedy.ASK
    assert ERRORS["journal_broken"].remedy is Remedy.ASK


def test_a_code_without_a_row_is_the_callers_fault() -> None:
    assert status_of("no_such_code") == 400
    assert status_of("unknown_operation") == 404


@given(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) | st.integers(0, 70_000))
def test_text_frames_are_those_of_the_library(size: int) -> None:
    payload = b"x" * size

    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def _raised_codes() -> dict[str, str]:
    """
    Every code that the server may answer by name, and one file that raises it.

    Venues are left out: what they raise over their own sockets is their own protocol's.
    """
    found: dict[str, str] = {}
    source = Path(rpcserver.__file__).parent
    for path in sorted(source.rglob("*.py")):
        if path.is_relative_to(source / "venues"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("InvalidRequest", "RefusedFrame", "Refused")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found[str(node.args[0].value)] = path.name
    return found


def test_every_code_that_is_raised_stands_in_the_table() -> None:
    raised = _raised_codes()

    assert len(raised) > 30
    assert {code: path for code, path in raised.items() if code not in ERRORS} == {}
