"""
Faults by name: how a rehearsal writes down what is to go wrong.

```toml
[the-third-cancel-sticks]
kind = "stick_cancels"
instrument = "ES"
skip = 2
count = 1
seconds = 5
```

protocol.md, “Rehearsing against faults”, is the manual. What cannot be read is refused with the
key, where it stands and what was expected: a fault that waits for ever would prove nothing.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, cast, get_type_hints

import msgspec
from msgspec import Meta

from rpcserver.domain.errors import RpcServerError
from rpcserver.domain.order import RejectReason
from rpcserver.venues.paper.faults import (
    WRITES,
    FailReads,
    Fault,
    FaultBase,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseEvents,
    Message,
    RefuseOrders,
    RepeatEvents,
    StickCancels,
    kind_of,
)
from rpcserver.venues.paper.forecast import KINDS, MEETS

_ENDLESS = frozenset({"skip", "count"})  # what is true for a while meets no message of its own
_WITHOUT: Mapping[type[FaultBase], frozenset[str]] = {
    LagPositions: _ENDLESS | {"messages", "instrument"},
    HideOrders: _ENDLESS | {"messages"},
    RefuseOrders: frozenset({"messages"}),
    FailReads: frozenset({"instrument"}),  # no read names one
    StickCancels: frozenset({"messages"}),
    FillBeforeCancel: frozenset({"messages"}),
    LoseEvents: frozenset({"messages", "account", "instrument"}),
    RepeatEvents: frozenset({"messages", "account", "instrument"}),
}
"""The keys that make no sense for a kind, and are refused there."""

_NAMED_BY_NOBODY = frozenset({Message.ACCOUNTS, Message.MARKETS})  # they concern no one account
_Name = Annotated[str, Meta(min_length=1, max_length=64)]


class ScriptError(RpcServerError):
    """A script cannot be played: one line each, naming the key, where it stands, and why."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


def read_script(path: Path) -> tuple[Fault, ...]:
    """
    Read the faults of a TOML file, in its order.

    Raises:
        ScriptError: It cannot be read, or a fault is none.
    """
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except OSError as exc:
        raise ScriptError([f"{path}: cannot be read: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ScriptError([f"{path}: is not TOML: {exc}"]) from exc
    problems: list[str] = []
    faults: list[Fault] = []
    for name, table in tables.items():
        try:
            faults.append(fault_of(name, table))
        except ScriptError as exc:
            problems.extend(f"{path}: {problem}" for problem in exc.problems)
    if problems:
        raise ScriptError(problems)
    return tuple(faults)


def fault_of(name: str, table: object) -> Fault:
    """
    Read one fault; *name* is what it is called, and where problems say that they stand.

    Raises:
        ScriptError: One line for each key that is not what was expected.
    """
    if problem := _problem_of_name(name):
        raise ScriptError([problem])
    if not isinstance(table, Mapping):
        raise ScriptError([f"{name}: expected a table such as [{name}], got {_shown(table)}"])
    asked = table.get("kind")
    if not isinstance(asked, str) or asked not in KINDS:
        got = "it is missing" if asked is None else f"got {_shown(asked)}{_near(asked, KINDS)}"
        raise ScriptError([f"{name}.kind: expected one of {', '.join(KINDS)}; {got}"])
    kind = KINDS[asked]
    problems: list[str] = []
    values = _values(
        name, kind, {key: each for key, each in table.items() if key != "kind"}, problems
    )
    if not problems:
        fault = cast(Fault, kind(**values))
        if contradiction := _contradiction(fault, values.keys()):
            problems.append(f"{name}.{contradiction}")
        else:
            return fault
    raise ScriptError(problems)


def table_of(fault: Fault) -> dict[str, object]:
    """The table that *fault* could have been read from, with every value that is in force."""
    kind = type(fault)
    values = {key: getattr(fault, key) for key in keys_of(kind)}
    plain = msgspec.to_builtins({key: value for key, value in values.items() if value is not None})
    return {"kind": kind_of(kind), **plain}


def _problem_of_name(name: str) -> str | None:
    if not (1 <= len(name) <= 64 and name.isprintable()):
        return f"{_shown(name)}: expected a name of 1 to 64 printable characters"
    return None


def _values(
    name: str, kind: type[FaultBase], given: Mapping[str, object], problems: list[str]
) -> dict[str, typing.Any]:
    """The fields of a fault of *kind*; whatever is wrong with them is added to *problems*."""
    known = keys_of(kind)
    values: dict[str, typing.Any] = {"name": name}
    for key, value in given.items():
        if key not in known:
            problems.append(f"{name}.{_printable(key)}: {_stranger(kind, key)}")
            continue
        try:
            values[key] = _converted(key, value, known[key])
        except msgspec.ValidationError:
            expected = _expected(kind, key, known[key])
            problems.append(f"{name}.{key}: expected {expected}, got {_shown(value)}")
    needed = [field.name for field in msgspec.structs.fields(kind) if field.required]
    problems.extend(
        f"{name}.{key}: expected {_expected(kind, key, known[key])}; it is missing"
        for key in needed
        if key not in given
    )
    return values


def keys_of(kind: type[FaultBase]) -> dict[str, object]:
    """What a fault of *kind* can be told, and the type of each."""
    hints = get_type_hints(kind, include_extras=True)
    without = _WITHOUT.get(kind, frozenset())
    return {key: hint for key, hint in hints.items() if key != "name" and key not in without}


def _converted(key: str, value: object, hint: object) -> object:
    if value is None:
        raise msgspec.ValidationError("nothing was given")  # JSON's null is no value
    if key in ("account", "instrument"):
        return msgspec.convert(value, _Name)
    converted = msgspec.convert(value, hint)
    if key == "messages" and not converted:
        raise msgspec.ValidationError("an empty list meets nothing")
    return converted


def _contradiction(fault: Fault, given: Iterable[str]) -> str | None:
    """What is wrong with the fault as a whole: it could never be met."""
    can_meet = MEETS[type(fault)]
    named = ", ".join(sorted(each.value for each in fault.messages - can_meet))
    if "messages" in given and named:
        return f"messages: a fault of this kind never meets {named}"
    if isinstance(fault, HideOrders | LagPositions):
        return None
    if fault.instrument is not None and not fault.messages <= WRITES:
        return "instrument: only submit, cancel and change name one: leave the reads out"
    if fault.account is not None and fault.messages & _NAMED_BY_NOBODY:
        return "account: accounts and markets are read of all at once: leave them out"
    return None


# --- words -------------------------------------------------------------------------------------


def _expected(kind: type[FaultBase], key: str, hint: object) -> str:
    match key:
        case "account":
            return "the name of an account"
        case "instrument":
            return "the name of an instrument, or a root"
        case "messages":
            return f"a list of some of {_listed(sorted(each.value for each in MEETS[kind]))}"
        case "reason":
            return f"one of {_listed(reason.value for reason in RejectReason)}"
        case _:
            return _description(hint)


def _description(hint: object) -> str:
    """The description that a key's type bears."""
    for each in (hint, *typing.get_args(hint)):
        for meta in getattr(each, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description is not None:
                return meta.description
    raise AssertionError(f"{hint} has no description")


def _stranger(kind: type[FaultBase], key: str) -> str:
    known = keys_of(kind)
    if key in get_type_hints(kind) and key != "name":
        return f"makes no sense for this kind, which takes {', '.join(known)}"
    return f"no such key{_near(key, known)}"


def _near(asked: object, known: Iterable[str]) -> str:
    near = get_close_matches(str(asked)[:100], list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _printable(key: str) -> str:
    return key if key.isprintable() and len(key) <= 64 else _shown(key)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
