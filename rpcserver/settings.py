"""
What the server is told before it starts: defaults, a TOML file, the environment, the command line.

Each later source wins over the earlier ones, key by key. Every key has one dotted name
(`venue.seed`), which is its place in the file (`[venue]`, `seed = 7`) and, in capitals, its
environment variable (`RPCSERVER_VENUE_SEED`). What cannot be read is refused with the key, where
it stands and what was expected; nothing is ever guessed.
"""

from __future__ import annotations

import enum
import ipaddress
import tomllib
import typing
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

ENVIRONMENT_PREFIX = "RPCSERVER_"
CONFIG_VARIABLE = "RPCSERVER_CONFIG"

CLIENT_VARIABLES = frozenset({"RPCSERVER_TOKEN", "RPCSERVER_TOKEN_FILE", "RPCSERVER_URL"})
"""Variables that tell a *client* where the server is: not settings, and not mistyped ones."""

_Flag = Annotated[bool, Meta(description="true or false")]
_Text = Annotated[str, Meta(min_length=1, description="a text")]
_File = Annotated[Path, Meta(description="a path")]
_Port = Annotated[int, Meta(ge=0, le=65_535, description="a port, 0 (any free one) to 65535")]
_Count = Annotated[int, Meta(ge=1, description="a whole number, at least 1")]
_Whole = Annotated[int, Meta(ge=0, description="a whole number, at least 0")]
_Seconds = Annotated[float, Meta(gt=0, le=86_400, description="seconds, above 0, at most 86400")]
_Period = Annotated[float, Meta(ge=0, le=86_400, description="seconds, 0 to 86400")]
_Rate = Annotated[float, Meta(gt=0, le=1e6, description="a number a second, above 0")]
_Origins = Annotated[tuple[str, ...], Meta(description='a list such as ["https://desk.example"]')]


class LogLevel(enum.Enum):
    """How much the log tells."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogForm(enum.Enum):
    """Who reads the log."""

    TEXT = "text"  # people
    JSON = "json"  # programs: an object a line


class VenueKind(enum.Enum):
    """Where the paper venue runs."""

    EMBEDDED = "embedded"  # inside the server
    REMOTE = "remote"  # a process of its own (`rpcserver venue`): its orders outlive the server


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may use up; protocol.md tells what happens beyond."""

    frame_bytes_max: _Count = 65_536
    final_frame_bytes_max: _Count = 524_288
    outbox_bytes_max: _Count = 1_048_576  # beyond half of it progress is coalesced
    calls_in_flight_max: _Count = 16
    connections_per_token_max: _Count = 8
    malformed_frames_max: _Count = 10  # in a row
    subscriptions_max: _Count = 500  # instruments of one connection
    auth_timeout: _Seconds = 10.0
    stall_timeout: _Seconds = 10.0  # a client that reads nothing for so long is closed with 4413
    ping_interval: _Seconds = 20.0
    ping_timeout: _Seconds = 20.0
    calls_per_second: _Rate = 100.0  # each token, sustained; more is refused
    calls_burst: _Count = 200
    closing_calls_per_second: _Rate = 20.0  # a bucket of their own: more is delayed, never refused
    closing_calls_burst: _Count = 100


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paper venue."""

    kind: Annotated[VenueKind, Meta(description='"embedded" or "remote"')] = VenueKind.EMBEDDED
    url: _Text = "ws://127.0.0.1:8788"  # where a remote one listens
    seed: _Whole = 1  # of its prices
    tick_interval: _Period = 1.0  # between two price moves; 0: the prices stand still
    sessions: _Flag = False  # whether its markets keep trading hours
    latency: _Period = 0.0  # of every message to it and back: what a distant exchange feels like
    synthetic_positions: _Whole = 0  # further positions in made-up instruments, for load tests
    synthetic_accounts: _Count = 1  # over so many accounts


class PageAccess(enum.Enum):
    """Who may read `/metrics` and `/readyz`, beside whoever sits at the machine itself."""

    LOOPBACK = "loopback"  # nobody
    TOKEN = "token"  # whoever shows a bearer token
    OPEN = "open"  # anybody


class MonitoringSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those who run the server see of it."""

    access: Annotated[PageAccess, Meta(description='"loopback", "token" or "open"')] = (
        PageAccess.LOOPBACK
    )
    accounts: _Flag = False  # whether metrics bear the names of accounts


class SecondPersonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which closing calls a second person must confirm: none by default (protocol.md, 6)."""

    everything: _Flag = False  # those that close all there is in all accounts of the caller
    others: _Flag = False  # those that reach an account whose user is not the caller
    accounts_above: _Count | None = None  # those over more accounts than this
    window: _Seconds = 300.0  # to confirm it


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything `rpcserver serve` is told."""

    data_dir: _File
    host: _Text = "127.0.0.1"
    port: _Port = 8787
    insecure: _Flag = False  # without TLS beyond this machine: tokens travel in the clear
    tls_certificate: _File | None = None
    tls_key: _File | None = None
    origins: _Origins = ()  # of browsers' pages, beside the server's own
    log_level: Annotated[LogLevel, Meta(description='"debug", "info", "warning" or "error"')] = (
        LogLevel.INFO
    )
    log_form: Annotated[LogForm, Meta(description='"text" or "json"')] = LogForm.TEXT
    drain_timeout: _Period = 10.0  # at a stop, for what runs to come to its end
    limits: Limits = Limits()
    venue: VenueSettings = VenueSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    second_person: SecondPersonSettings = SecondPersonSettings()

    @property
    def is_encrypted(self) -> bool:
        return self.tls_certificate is not None

    @property
    def url(self) -> str:
        """Where clients connect to, once the port is known."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.is_encrypted else 'ws'}://{host}:{self.port}/ws/stream"


def default_data_dir() -> Path:
    """Where a server keeps its journal unless it is told another place."""
    return Path.home() / ".local" / "share" / "rpcserver"


class SettingsError(Exception):
    """Some settings cannot be used: one line each, naming the key, where it stands, and why."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class _Given(NamedTuple):
    """One value as it was given."""

    value: object
    origin: str  # for people: "rpcserver.toml", "RPCSERVER_PORT", "the command line"
    is_text: bool = False  # from the environment: everything is text there


def load_settings(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Settings:
    """
    Read every source and return the settings in force.

    *config* is a TOML file; None reads none unless `RPCSERVER_CONFIG` names one. *overrides* are
    the command line's, by dotted key; a None among them was not given.

    Raises:
        SettingsError: A file cannot be read, a key is unknown, or a value is not what was expected.
    """
    problems: list[str] = []
    given: dict[str, _Given] = {}
    if config is None and (named := environ.get(CONFIG_VARIABLE)):
        config = Path(named)
    if config is not None:
        given |= _read_file(config.expanduser(), problems)
    given |= _read_environment(environ, problems)
    given |= {
        key: _Given(value, "the command line")
        for key, value in overrides.items()
        if value is not None
    }
    given.setdefault("data_dir", _Given(default_data_dir(), "the default"))
    settings = _build(Settings, "", given, problems)
    if settings is None or problems:
        raise SettingsError(tuple(problems))
    if problem := _contradiction(settings):
        raise SettingsError((problem,))
    return settings


def setting_keys() -> tuple[str, ...]:
    """The dotted name of every setting."""
    return tuple(_leaves(Settings, ""))


# --- sources -----------------------------------------------------------------------------------


def _read_file(path: Path, problems: list[str]) -> dict[str, _Given]:
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as exc:
        problems.append(f"{path}: cannot be read: {exc.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        problems.append(f"{path}: is not TOML: {exc}")
        return {}
    known = set(_leaves(Settings, ""))
    tables = {key.partition(".")[0] for key in known if "." in key}
    given: dict[str, _Given] = {}
    for key, value in _flattened(table, tables):
        if key in known:
            given[key] = _Given(value, str(path))
        elif key in tables:
            problems.append(f"{path}: {key}: expected a table [{key}], got {_shown(value)}")
        else:
            problems.append(f"{path}: {key}: no such setting{_nearest(key, known)}")
    return given


def _flattened(table: Mapping[str, object], tables: set[str]) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and (key in tables or key not in _leaves(Settings, "")):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _read_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, _Given]:
    names = {ENVIRONMENT_PREFIX + key.replace(".", "_").upper(): key for key in setting_keys()}
    given: dict[str, _Given] = {}
    for name in sorted(environ):
        if name in names:
            given[names[name]] = _Given(environ[name], name, is_text=True)
        elif (
            name.startswith(ENVIRONMENT_PREFIX)
            and name not in CLIENT_VARIABLES
            and name != CONFIG_VARIABLE
        ):
            problems.append(f"environment: {name}: no such setting{_nearest(name, names)}")
    return given


# --- building ----------------------------------------------------------------------------------

_Section = TypeVar("_Section", bound=msgspec.Struct)


def _build(
    section: type[_Section], prefix: str, given: Mapping[str, _Given], problems: list[str]
) -> _Section | None:
    """Make *section* of what was given for it, or note every problem and return None."""
    values: dict[str, object] = {}
    for name, kind in get_type_hints(section, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            values[name] = _build(kind, f"{prefix}{name}.", given, problems)
        elif (found := given.get(prefix + name)) is not None:
            try:
                values[name] = _converted(found, kind)
            except msgspec.ValidationError:
                problems.append(
                    f"{found.origin}: {prefix}{name}: expected {_expected(kind)}, "
                    f"got {_shown(found.value)}"
                )
    return None if problems else section(**values)


def _converted(given: _Given, kind: object) -> object:
    value = given.value
    if given.is_text and isinstance(value, str):
        if kind is _Origins:
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif kind is _Flag:
            value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return msgspec.convert(value, kind, strict=not given.is_text, dec_hook=_path)


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, (str, Path)) and str(value):
        return Path(value).expanduser()
    raise msgspec.ValidationError("expected a path")


def _leaves(section: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    for name, kind in get_type_hints(section, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


# --- words -------------------------------------------------------------------------------------


def _expected(kind: object) -> str:
    """The description that the setting's type bears."""
    for each in (kind, *typing.get_args(kind)):
        for meta in getattr(each, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description is not None:
                return meta.description
    raise AssertionError(f"{kind} has no description")


def _shown(value: object) -> str:
    return repr(str(value)) if isinstance(value, (str, Path)) else repr(value)


def _nearest(key: str, known: Mapping[str, str] | set[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _contradiction(settings: Settings) -> str | None:
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        return "tls_certificate and tls_key: expected both or neither"
    if not (settings.insecure or settings.is_encrypted or is_loopback(settings.host)):
        return (
            f"host: {settings.host} is reachable from other machines and there is no TLS: "
            "set tls_certificate and tls_key, or insecure if tokens may travel in the clear"
        )
    if settings.venue.kind is VenueKind.REMOTE and not settings.venue.url.startswith(
        ("ws://", "wss://")
    ):
        return f"venue.url: expected ws://127.0.0.1:8788 or the like, got {settings.venue.url!r}"
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
