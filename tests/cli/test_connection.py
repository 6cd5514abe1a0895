"""Where the token comes from: never from an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpcclient import Unauthenticated
from rpcserver.cli.connection import Connection
from rpcserver.cli.exits import Exit
from rpcserver.cli.main import main


def test_a_file_that_is_named_wins_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from a file\n", encoding="utf-8")

    assert Connection(token_file=file).token({"RPCSERVER_TOKEN": "other"}) == "from a file"


def test_the_environment_wins_over_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("first\n", encoding="utf-8")

    assert Connection(data_dir=tmp_path).token({"RPCSERVER_TOKEN": " mine "}) == "mine"
    assert Connection(data_dir=tmp_path).token({}) == "first"


def test_no_token_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match=r"admin\.token cannot be read"):
        Connection(data_dir=tmp_path).token({})
    (tmp_path / "admin.token").write_text("\n", encoding="utf-8")
    with pytest.raises(Unauthenticated, match="is empty"):
        Connection(data_dir=tmp_path).token({})


def test_without_a_token_nothing_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RPCSERVER_TOKEN")

    assert main(["positions", "--data-dir", str(tmp_path)]) == Exit.FORBIDDEN
