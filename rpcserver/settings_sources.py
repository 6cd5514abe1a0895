"""
Where settings come from: a TOML file, the environment, the command line; for any Struct of them.

What cannot be read is refused with the key, where it stands and what was expected, and with the
nearest thing that would have been right; a value that may be secret is never told.
"""

from __future__ import annotations

import enum
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from rpcserver.monitoring.redaction import BLOT, is_secret
from rpcserver.toml_lines import key_lines

Section = TypeVar("Section", bound=msgspec.Struct)


class SettingsError(Exception):
    """Some settings cannot be used: one line each, naming the key, where it stands, and why."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class Given(NamedTuple):
    """One value as it was given."""

    value: object
    origin: str  # for people: "rpcserver.toml:3", "RPCSERVER_PORT", "the command line"
    is_text: bool = False  # from the environment: everything is text there


Found = dict[str, Given]  # by dotted key


ANY_NAME = "*"  # in the key of a setting of a table whose name people choose


class Leaf(NamedTuple):
    """
    One setting of a Struct: its dotted name, its type, and its default where it has one.

    `webhooks.*.url` stands for the `url` of every table of `webhooks`, whatever its name.
    """

    key: str
    kind: object
    default: object


def leaves(section: type[msgspec.Struct], prefix: str = "") -> Iterator[Leaf]:
    """Every setting of *section*, those of its tables included."""
    hints = get_type_hints(section, include_extras=True)
    for field in msgspec.structs.fields(section):
        kind = hints[field.name]
        if is_table(kind):
            yield from leaves(kind, f"{prefix}{field.name}.")
        elif (named := named_tables(kind)) is not None:
            yield from leaves(named, f"{prefix}{field.name}.{ANY_NAME}.")
        else:
            yield Leaf(prefix + field.name, kind, field.default)


def is_table(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    """Whether a setting of this type is a table of further ones."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def named_tables(kind: object) -> type[msgspec.Struct] | None:
    """What each table is made of, where a setting is a table of tables by people's own names."""
    if typing.get_origin(kind) is Mapping:
        _, value = typing.get_args(kind)
        return value if is_table(value) else None
    return None


def spelled(key: str, known: Iterable[str]) -> str:
    """*key* as it is known, with `*` where people chose the name."""
    for each in known:
        if ANY_NAME in each and _pattern(each).fullmatch(key):
            return each
    return key


def _pattern(known: str) -> re.Pattern[str]:
    return re.compile(re.escape(known).replace(r"\*", r"[^.]+"))


def metas(kind: object) -> Iterator[Meta]:
    """What the type of a setting says about it."""
    for each in typing.get_args(kind):
        if isinstance(each, Meta):
            yield each
        else:
            yield from metas(each)


def expected(kind: object) -> str:
    """What a setting of this type is to be, for people."""
    return next(meta.description for meta in metas(kind) if meta.description is not None)


# --- sources -----------------------------------------------------------------------------------


def read_file(path: Path, section: type[msgspec.Struct], problems: list[str]) -> Found:
    """What the TOML file at *path* gives; what is wrong with it is added to *problems*."""
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as exc:
        problems.append(f"{path}: cannot be read: {exc.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        problems.append(f"{path}: is not TOML: {exc}")
        return {}
    lines = key_lines(text)
    known = [leaf.key for leaf in leaves(section)]
    tables = {key.rpartition(".")[0] for key in known if "." in key}
    tables |= {table.removesuffix(f".{ANY_NAME}") for table in tables}
    given: Found = {}
    for key, value in _flattened(table, "", tables, known):
        line = lines.get(key)
        where = f"{path}:{line}" if line is not None else str(path)
        if spelled(key, known) in known:
            given[key] = Given(value, where)
        elif value == {} and spelled(key, tables) in tables:
            given[f"{key}."] = Given(value, where)  # a named table that says nothing yet
        elif spelled(key, tables) in tables:
            problems.append(f"{where}: {key}: expected a table [{key}], got {shown(key, value)}")
        else:
            problems.append(f"{where}: {key}: no such setting{nearest(key, known)}")
    return given


def _flattened(
    table: Mapping[str, object], prefix: str, tables: set[str], known: list[str]
) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict) and value and key not in known:
            yield from _flattened(value, f"{key}.", tables, known)
        elif not (isinstance(value, dict) and key in tables):  # an empty table says nothing
            yield key, value


def read_environment(
    environ: Mapping[str, str],
    section: type[msgspec.Struct],
    prefix: str,
    others: Iterable[str],
    problems: list[str],
) -> Found:
    """What the variables that begin with *prefix* give; *others* among them are no settings."""
    names = {prefix + leaf.key.replace(".", "_").upper(): leaf.key for leaf in leaves(section)}
    given: Found = {}
    for name in sorted(environ):
        if (key := _variable(name, names)) is not None:
            given[key] = Given(environ[name], name, is_text=True)
        elif name.startswith(prefix) and name not in others:
            problems.append(f"environment: {name}: no such setting{nearest(name, names)}")
    return given


def _variable(name: str, names: Mapping[str, str]) -> str | None:
    """The key that a variable sets: of `RPCSERVER_WEBHOOKS_DESK_URL`, `webhooks.desk.url`."""
    if name in names:
        return names[name]
    for known, key in names.items():
        before, star, after = known.partition(ANY_NAME)
        if star and name.startswith(before) and name.endswith(after):
            chosen = name[len(before) : len(name) - len(after)].lower()
            return key.replace(ANY_NAME, chosen) if chosen else None
    return None


# --- building ----------------------------------------------------------------------------------


def build(
    section: type[Section],
    given: Mapping[str, Given],
    problems: list[str],
    wrong: set[str],
    prefix: str = "",
) -> Section:
    """
    Make *section* of what was given for it; every problem is added to *problems*.

    The keys that have one are added to *wrong*: in the answer they have their default, or None
    where there is none, so that everything else can be looked at, too.
    """
    values: dict[str, object] = {}
    for name, kind in get_type_hints(section, include_extras=True).items():
        key = prefix + name
        if is_table(kind):
            values[name] = build(kind, given, problems, wrong, f"{key}.")
        elif (named := named_tables(kind)) is not None:
            chosen = dict.fromkeys(
                each.removeprefix(f"{key}.").partition(".")[0]
                for each in given
                if each.startswith(f"{key}.")
            )
            values[name] = {
                each: build(named, given, problems, wrong, f"{key}.{each}.") for each in chosen
            }
        elif (found := given.get(key)) is not None:
            try:
                values[name] = _converted(found, kind)
            except msgspec.ValidationError:
                wrong.add(key)
                problems.append(
                    f"{found.origin}: {key}: expected {expected(kind)}, "
                    f"got {shown(key, found.value)}{_nearest_word(kind, found.value)}"
                )
    needed = {f.name for f in msgspec.structs.fields(section) if f.required}
    for name in sorted(needed - values.keys()):
        values[name] = None
        if prefix + name not in wrong:
            wrong.add(prefix + name)
            kind = get_type_hints(section, include_extras=True)[name]
            where = origin(prefix.removesuffix("."), given)
            problems.append(
                f"{where}{prefix}{name}: expected {expected(kind)}, and it is not given"
            )
    return section(**values)


def _converted(given: Given, kind: object) -> object:
    value = given.value
    if given.is_text and isinstance(value, str):
        if _plain(kind) is tuple:
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif _plain(kind) is bool:
            value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return msgspec.convert(value, kind, strict=not given.is_text, dec_hook=_path)


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, (str, Path)) and str(value):
        return Path(value).expanduser()
    raise msgspec.ValidationError("expected a path")


def _plain(kind: object) -> object:
    """The type itself, without what is said about it, and without None."""
    if typing.get_origin(kind) in (typing.Annotated, typing.Union, types.UnionType):
        return _plain(typing.get_args(kind)[0])
    return typing.get_origin(kind) or kind


# --- words -------------------------------------------------------------------------------------


def origin(key: str, given: Mapping[str, Given]) -> str:
    """Where *key* was given, or the first of its table, to begin a line with; "" if nowhere."""
    found = given.get(key) or next(
        (each for name, each in given.items() if name.startswith(f"{key}.")), None
    )
    return "" if found is None else f"{found.origin}: "


def shown(key: str, value: object) -> str:
    """A value as people are told it."""
    if is_secret(key):
        return BLOT
    return repr(str(value)) if isinstance(value, (str, Path)) else repr(value)


def nearest(key: str, known: Iterable[str]) -> str:
    """The known key that was perhaps meant."""
    near = get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _nearest_word(kind: object, value: object) -> str:
    plain = _plain(kind)
    if not (isinstance(plain, type) and issubclass(plain, enum.Enum) and isinstance(value, str)):
        return ""
    return nearest(value.casefold(), [str(each.value) for each in plain])
