"""The stairs of the house lead downward only, and the core touches nothing impure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "rpcserver"

# What each room may know of the others. A room that is not here, or an import that is not, fails.
MAY_KNOW = {
    "domain": set[str](),
    "wire": {"domain"},
    "core": {"domain"},
    "apis": {"domain", "wire", "core"},
    "driver": {"domain", "core"},
    "venues": {"domain", "driver.ports"},
    "journal": {"domain", "core", "driver.ports"},
    "server": {"domain", "wire", "apis", "driver", "core"},
    "settings": set[str](),
    "simulation": {"domain", "wire", "core", "apis", "driver", "journal", "venues"},
}
ROOF = {"app", "cli", "__main__", "__init__"}  # these may know everyone; nobody below knows them

PURE = ("domain", "core", "wire", "apis")
IMPURE_MODULES = {
    "aiosqlite", "anyio", "asyncio", "concurrent", "logging", "loguru", "multiprocessing", "os",
    "pathlib", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "websockets",
}  # fmt: skip
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "monotonic", "sleep"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(room: str) -> Iterator[Path]:
    yield from (HOUSE / room).rglob("*.py")
    if (HOUSE / f"{room}.py").exists():
        yield HOUSE / f"{room}.py"


def imports(path: Path) -> Iterator[str]:
    """The full name of every module that *path* imports, wherever in it the import stands."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                if module == "rpcserver":
                    yield from (f"rpcserver.{each.name}" for each in names)
                else:
                    yield module
            case ast.ImportFrom():
                assert HOUSE not in path.parents, f"{path}: imports in the house are absolute"


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in HOUSE.iterdir() if path.is_dir() or path.suffix == ".py"}

    assert rooms - {"__pycache__"} == set(MAY_KNOW) | ROOF


@pytest.mark.parametrize("room", MAY_KNOW)
def test_no_import_climbs(room: str) -> None:
    paths = list(modules(room))

    assert paths
    for path in paths:
        for name in imports(path):
            if not name.startswith("rpcserver."):
                continue
            inside = name.removeprefix("rpcserver.")
            allowed = {room, *MAY_KNOW[room]}
            assert any(inside == each or inside.startswith(f"{each}.") for each in allowed), (
                f"{path.relative_to(ROOT)} imports {name}: {room} may know {sorted(allowed)}"
            )


@pytest.mark.parametrize("room", PURE)
def test_what_decides_performs_nothing(room: str) -> None:
    for path in modules(room):
        where = path.relative_to(ROOT)
        for name in imports(path):
            assert name.partition(".")[0] not in IMPURE_MODULES, f"{where} imports {name}"
        for node in ast.walk(tree(path)):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{where}:{node.lineno}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).rpartition(".")[2]
                assert called not in IMPURE_CALLS, f"{where}:{node.lineno} calls {called}"


def test_the_python_client_knows_the_protocol_alone() -> None:
    paths = list((ROOT / "clients" / "python" / "rpcclient").rglob("*.py"))

    assert paths
    for path in paths:
        assert not [name for name in imports(path) if name.partition(".")[0] == "rpcserver"], path


def test_no_room_is_a_junk_room() -> None:
    junk = {"utils", "helpers", "common", "base", "manager", "service"}

    assert not [path for path in HOUSE.rglob("*.py") if path.stem in junk]
