"""
The stairs lead downward only (design 2): walked import by import, and not by hand.

Layers: domain <- core, wire <- apis, driver <- rules <- server; venues, journal, simulation beside
them; <- app <- cli.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rpcserver"
CLIENT = ROOT / "clients" / "python" / "rpcclient"
LINES_MAX = 400

# Modules that tell one story at greater length. Each may only shrink: a split by decision is owed.
TALL = {
    "rpcserver.core.apply": 660,  # the only mutation: one case a record
    "rpcserver.core.operation": 670,  # admission, reading, planning, starting, ending
    "rpcserver.core.records": 460,  # one class a record
    "rpcserver.core.state": 710,  # what is known, and its draft beside it
    "rpcserver.driver.engine": 660,  # the facade and the turn
    "rpcserver.venues.paper.venue": 460,  # the port, method by method
}

# What each folder, or module, may import of ours; the longest name that fits a module decides.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "rpcserver": (),
    "rpcserver.domain": (),
    "rpcserver.core": ("rpcserver.domain",),
    "rpcserver.wire": ("rpcserver.domain",),
    "rpcserver.apis": ("rpcserver.domain", "rpcserver.wire", "rpcserver.core"),
    "rpcserver.driver": ("rpcserver.domain", "rpcserver.core"),
    "rpcserver.journal": ("rpcserver.domain", "rpcserver.core", "rpcserver.driver.ports"),
    "rpcserver.venues": ("rpcserver.domain", "rpcserver.driver.ports"),
    "rpcserver.simulation": (
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.core",
        "rpcserver.apis",
        "rpcserver.driver",
        "rpcserver.journal.memory",
        "rpcserver.venues.paper",
    ),
    "rpcserver.rules": (
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.core",
        "rpcserver.apis",
        "rpcserver.driver",
    ),
    "rpcserver.server": (
        "rpcserver.rules",
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.apis",
        "rpcserver.driver",
        "rpcserver.core",
    ),
    "rpcserver.contract": (
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.core",
        "rpcserver.apis",
        "rpcserver.server.channels",
    ),
    "rpcserver.monitoring": (
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.core",
        "rpcserver.driver",
        "rpcserver.server",
    ),
    "rpcserver.alerting": (
        "rpcserver.domain",
        "rpcserver.wire",
        "rpcserver.core",
        "rpcserver.apis",
        "rpcserver.driver",
        "rpcserver.settings_alerts",
    ),
    "rpcserver.panic": (  # no core, no engine, no journal but its lock
        "rpcserver.domain",
        "rpcserver.driver.ports",
        "rpcserver.driver.budget",
        "rpcserver.driver.bulkhead",
        "rpcserver.journal.errors",
        "rpcserver.journal.lock",
    ),
    "rpcserver.toml_lines": (),
    "rpcserver.settings_sources": ("rpcserver.monitoring.redaction", "rpcserver.toml_lines"),
    "rpcserver.certificates": ("rpcserver.domain",),
    "rpcserver.settings_alerts": ("rpcserver.domain", "rpcserver.certificates"),
    "rpcserver.settings": (
        "rpcserver.certificates",
        "rpcserver.domain",
        "rpcserver.settings_alerts",
        "rpcserver.settings_sources",
    ),
    "rpcserver.settings_reference": ("rpcserver.settings", "rpcserver.settings_sources"),
    "rpcserver.deploy": ("rpcserver.settings",),
    "rpcserver.retention": (
        "rpcserver.domain",
        "rpcserver.core",
        "rpcserver.driver",
        "rpcserver.journal",
    ),
    "rpcserver.stopping": ("rpcserver.driver", "rpcserver.server"),
    "rpcserver.app": ("rpcserver",),
    "rpcserver.cli": ("rpcserver",),
    "rpcserver.__main__": ("rpcserver.cli",),
}

# What makes a decision depend on when, where or in which order it is made.
IMPURE = frozenset(
    {
        "aiosqlite",
        "anyio",
        "asyncio",
        "concurrent",
        "io",
        "logging",
        "loguru",
        "multiprocessing",
        "os",
        "pathlib",
        "queue",
        "random",
        "rich",
        "secrets",
        "select",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "typer",
        "urllib",
        "uuid",
        "websockets",
    }
)
PURE = ("rpcserver.domain", "rpcserver.core")
CLOCKS = frozenset({"now", "utcnow", "today"})  # of datetime and date
SIDE_EFFECTS = frozenset({"open", "print", "input", "exec", "eval", "hash", "id"})


def module_name(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_name(path, ROOT): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module named by an import anywhere in *path*, under TYPE_CHECKING or in a function."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield path.parent.name  # relative: of its own package
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield deeper if deeper in modules() else node.module


def layer_of(name: str) -> str:
    fitting = [layer for layer in MAY_IMPORT if name == layer or name.startswith(layer + ".")]
    return max(fitting, key=len)


@pytest.mark.parametrize("name", modules())
def test_imports_only_look_down(name: str) -> None:
    layer = layer_of(name)
    allowed = (*MAY_IMPORT[layer], layer) if layer != "rpcserver" else ()
    for imported in imports(modules()[name]):
        if imported.split(".")[0] != "rpcserver":
            continue  # somebody else's
        assert any(imported == below or imported.startswith(below + ".") for below in allowed), (
            f"{name} must not import {imported}"
        )


def test_no_import_goes_round_in_a_circle() -> None:
    known = modules()
    graph = {name: set(imports(path)) & known.keys() for name, path in known.items()}
    tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", [name for name in modules() if name.startswith(PURE)])
def test_the_heart_is_pure(name: str) -> None:
    path = modules()[name]
    assert not {imported.split(".")[0] for imported in imports(path)} & IMPURE
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.Global), (
            f"{name}:{node.lineno}"
        )
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            assert of not in ("datetime", "date"), f"{name}:{node.lineno} looks at a clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in SIDE_EFFECTS, f"{name}:{node.lineno} calls {node.func.id}"


@pytest.mark.parametrize("name", modules())
def test_no_module_is_too_long_to_read(name: str) -> None:
    lines = len(modules()[name].read_text().splitlines())
    assert lines <= TALL.get(name, LINES_MAX), f"{name} has {lines} lines: split it by decision"


def test_what_is_not_tall_any_more_is_no_exception() -> None:
    sizes = {name: len(modules()[name].read_text().splitlines()) for name in TALL}
    assert not {name for name, lines in sizes.items() if lines <= LINES_MAX}


def test_no_module_is_named_after_nothing() -> None:
    empty = {"utils", "util", "utilities", "helpers", "common", "base", "manager", "service"}
    assert not {name for name in modules() if empty & set(name.split("."))}


LOG_CALLS = frozenset({"debug", "info", "warning", "error", "critical", "exception"})
TAKEN_IN_LOG = frozenset({"time", "level", "message", "where", "exception"})


@pytest.mark.parametrize("name", modules())
def test_a_log_line_is_one_constant_text_with_fields(name: str) -> None:
    for node in ast.walk(tree(modules()[name])):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in LOG_CALLS or "logger" not in ast.unparse(node.func.value):
            continue
        where = f"{name}:{node.lineno}"
        text = node.args[0] if len(node.args) == 1 else None
        assert isinstance(text, ast.Constant), f"{where}: what varies is a field, not the text"
        assert isinstance(text.value, str)
        assert "{" not in text.value, where
        fields = {keyword.arg for keyword in node.keywords}
        assert not fields & TAKEN_IN_LOG, f"{where}: the line itself has a field of that name"


def test_the_client_knows_the_protocol_and_nothing_of_the_server() -> None:
    allowed = {"rpcclient", "msgspec", "websockets", *sys.stdlib_module_names}
    for path in CLIENT.rglob("*.py"):
        for imported in imports(path):
            assert imported.split(".")[0] in allowed, f"{path.name} imports {imported}"
