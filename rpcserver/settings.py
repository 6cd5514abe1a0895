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
import os
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from rpcserver.certificates import CertificateUnusable, can_be_read, tls_context
from rpcserver.domain.policy import RETENTION_DAYS_MAX, RETENTION_DAYS_MIN
from rpcserver.settings_alerts import (
    AlertSettings,
    WebhookSettings,
    webhook_contradictions,
)
from rpcserver.settings_sources import (
    Found,
    Given,
    build,
    leaves,
    origin,
    read_environment,
    read_file,
)
from rpcserver.settings_sources import SettingsError as SettingsError

ENVIRONMENT_PREFIX = "RPCSERVER_"
CONFIG_VARIABLE = "RPCSERVER_CONFIG"

CLIENT_VARIABLES = frozenset(
    {"RPCSERVER_CA_FILE", "RPCSERVER_TOKEN", "RPCSERVER_TOKEN_FILE", "RPCSERVER_URL"}
)
"""Variables that tell a *client* where the server is: not settings, and not mistyped ones."""

_Flag = Annotated[bool, Meta(description="true or false")]
_Text = Annotated[str, Meta(min_length=1, description="a text")]
_File = Annotated[Path, Meta(description="a path")]
_Port = Annotated[int, Meta(ge=0, le=65_535, description="a port, 0 (any free one) to 65535")]
_Count = Annotated[int, Meta(ge=1, description="a whole number, at least 1")]
_Whole = Annotated[int, Meta(ge=0, description="a whole number, at least 0")]
_Bytes = Annotated[
    int, Meta(ge=1, description="bytes, a whole number, at least 1", extra={"unit": "bytes"})
]
_Seconds = Annotated[
    float,
    Meta(gt=0, le=86_400, description="seconds, above 0, at most 86400", extra={"unit": "s"}),
]
_Period = Annotated[
    float, Meta(ge=0, le=86_400, description="seconds, 0 to 86400", extra={"unit": "s"})
]
_Rate = Annotated[
    float, Meta(gt=0, le=1e6, description="a number a second, above 0", extra={"unit": "1/s"})
]
_Origins = Annotated[tuple[str, ...], Meta(description='a list such as ["https://desk.example"]')]


def _for(what: str) -> Meta:
    """What a setting is for: it stands in the table of protocol.md, “Looking after a server”."""
    return Meta(title=what)


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

    frame_bytes_max: Annotated[_Bytes, _for("a frame from a client")] = 65_536
    final_frame_bytes_max: Annotated[_Bytes, _for("a final answer; beyond it the short form")] = (
        524_288
    )
    outbox_bytes_max: Annotated[
        _Bytes,
        _for("unread by a client: beyond half of it progress is coalesced, beyond it skipped"),
    ] = 1_048_576
    calls_in_flight_max: Annotated[_Count, _for("reads and orders of one connection")] = 16
    connections_per_token_max: Annotated[
        _Count, _for("beyond it the longest-silent one is ended")
    ] = 8
    malformed_frames_max: Annotated[_Count, _for("in a row, then the connection is closed")] = 10
    subscriptions_max: Annotated[_Count, _for("instruments of one connection")] = 10_000
    auth_timeout: Annotated[_Seconds, _for("until the first frame must say who it is")] = 10.0
    stall_timeout: Annotated[
        _Seconds, _for("a client that reads nothing for so long is closed with 4413")
    ] = 10.0
    ping_interval: Annotated[_Seconds, _for("between two pings")] = 20.0
    ping_timeout: Annotated[_Seconds, _for("for the answer to a ping")] = 20.0
    calls_per_second: Annotated[_Rate, _for("of one token, sustained; more is refused")] = 100.0
    calls_burst: Annotated[_Count, _for("of one token, at once")] = 200
    closing_calls_per_second: Annotated[
        _Rate, _for("a bucket of their own, of one token: more is delayed, never refused")
    ] = 20.0
    closing_calls_burst: Annotated[_Count, _for("of one token, at once")] = 100
    dialect_limits: Annotated[
        _Flag, _for("whether calls keep the request limits that their own dialects state")
    ] = True


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paper venue."""

    kind: Annotated[
        VenueKind,
        Meta(description='"embedded" or "remote"'),
        _for("where the paper venue runs: in the server, or as a process of its own"),
    ] = VenueKind.EMBEDDED
    url: Annotated[_Text, _for("where a remote one listens")] = "ws://127.0.0.1:8788"
    seed: Annotated[_Whole, _for("of its prices")] = 1
    tick_interval: Annotated[
        _Period, _for("between two price moves; 0: the prices stand still")
    ] = 1.0
    sessions: Annotated[_Flag, _for("whether its markets keep trading hours")] = False
    latency: Annotated[
        _Period, _for("of every message to it and back: what a distant exchange feels like")
    ] = 0.0
    synthetic_positions: Annotated[
        _Whole, _for("further positions in made-up instruments, for load tests")
    ] = 0
    synthetic_accounts: Annotated[_Count, _for("over so many accounts")] = 1


class PageAccess(enum.Enum):
    """Who may read `/metrics` and `/readyz`, beside whoever sits at the machine itself."""

    LOOPBACK = "loopback"  # nobody
    TOKEN = "token"  # whoever shows a bearer token
    OPEN = "open"  # anybody


class MonitoringSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those who run the server see of it."""

    access: Annotated[
        PageAccess,
        Meta(description='"loopback", "token" or "open"'),
        _for("who may read `/metrics` and `/readyz`, beside whoever sits at the machine"),
    ] = PageAccess.LOOPBACK
    accounts: Annotated[_Flag, _for("whether metrics bear the names of accounts")] = False


class SecondPersonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which closing calls a second person must confirm: none by default."""

    everything: Annotated[
        _Flag,
        _for(
            "a second person confirms those that close all there is in all accounts of the caller"
        ),
    ] = False
    others: Annotated[
        _Flag,
        _for("a second person confirms those that reach an account whose user is not the caller"),
    ] = False
    accounts_above: Annotated[
        _Count | None, _for("a second person confirms those over more accounts than this")
    ] = None
    window: Annotated[_Seconds, _for("for a second person to confirm a call")] = 300.0


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the audit is kept, and where what is older goes (protocol.md, `VerifyAudit`)."""

    retention_days: Annotated[
        int,
        Meta(
            ge=0,
            le=RETENTION_DAYS_MAX,
            description="days, 7 to 36500, or 0",
            extra={"unit": "days"},
        ),
        _for("how long the audit is kept, unless a policy says so; 0: for ever"),
    ] = 0
    archive_dir: Annotated[
        _File | None,
        _for("of the archives that older entries go to; by default the data directory"),
    ] = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything `rpcserver serve` is told."""

    data_dir: Annotated[
        _File,
        _for("of the journal, the first token and the embedded venue: one server a directory"),
    ]
    host: Annotated[_Text, _for("the address to listen at")] = "127.0.0.1"
    port: Annotated[_Port, _for("to listen at")] = 8787
    insecure: Annotated[
        _Flag, _for("listen beyond this machine without TLS: tokens travel in the clear")
    ] = False
    tls_certificate: Annotated[_File | None, _for("of TLS, in PEM; both or neither")] = None
    tls_key: Annotated[_File | None, _for("the certificate's key, in PEM")] = None
    origins: Annotated[
        _Origins, _for("of browsers' pages that may connect, beside the server's own")
    ] = ()
    log_level: Annotated[
        LogLevel,
        Meta(description='"debug", "info", "warning" or "error"'),
        _for("how much the log tells"),
    ] = LogLevel.INFO
    log_form: Annotated[
        LogForm,
        Meta(description='"text" or "json"'),
        _for("for whom the log is: people or programs"),
    ] = LogForm.TEXT
    drain_timeout: Annotated[_Period, _for("at a stop, for what runs to come to its end")] = 10.0
    limits: Limits = Limits()
    venue: VenueSettings = VenueSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    second_person: SecondPersonSettings = SecondPersonSettings()
    audit: AuditSettings = AuditSettings()
    alerts: AlertSettings = AlertSettings()
    webhooks: Mapping[str, WebhookSettings] = {}

    @property
    def is_encrypted(self) -> bool:
        return self.tls_certificate is not None

    @property
    def url(self) -> str:
        """Where clients connect to, once the port is known."""
        return f"{'wss' if self.is_encrypted else 'ws'}://{self._authority}/ws/stream"

    @property
    def dashboard(self) -> str:
        """Where people look at it, once the port is known."""
        return f"{'https' if self.is_encrypted else 'http'}://{self._authority}/"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def default_data_dir() -> Path:
    """Where a server keeps its journal unless it is told another place."""
    return Path.home() / ".local" / "share" / "rpcserver"


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
    given: Found = {}
    if config is None and (named := environ.get(CONFIG_VARIABLE)):
        config = Path(named)
    if config is not None:
        given |= read_file(config.expanduser(), Settings, problems)
    others = {*CLIENT_VARIABLES, CONFIG_VARIABLE}
    given |= read_environment(environ, Settings, ENVIRONMENT_PREFIX, others, problems)
    given |= {
        key: Given(value, "the command line")
        for key, value in overrides.items()
        if value is not None
    }
    wrong: set[str] = set()
    if "data_dir" not in given:
        given |= _default_directory(problems, wrong)
    settings = build(Settings, given, problems, wrong)
    for key, why in (*_contradictions(settings, wrong), *_useless_paths(settings, wrong)):
        problems.append(f"{origin(key, given)}{key}: {why}")
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def setting_keys() -> tuple[str, ...]:
    """The dotted name of every setting."""
    return tuple(leaf.key for leaf in leaves(Settings))


# --- rules -------------------------------------------------------------------------------------

_PAIR = ("tls_certificate", "tls_key")


def _default_directory(problems: list[str], wrong: set[str]) -> Found:
    try:
        return {"data_dir": Given(default_data_dir(), "the default")}
    except RuntimeError:  # there is no home, as for a user of a container
        problems.append("data_dir: expected a path: there is no home directory to choose one in")
        wrong.add("data_dir")
        return {}


def _contradictions(settings: Settings, wrong: Set[str]) -> Iterator[tuple[str, str]]:
    """
    What is wrong with which key that the type of a setting cannot tell.

    Of keys that are *wrong* already nothing more is said: what they were to be is not known.
    """
    if 0 < settings.audit.retention_days < RETENTION_DAYS_MIN:
        yield (
            "audit.retention_days",
            f"expected 0 (for ever) or at least {RETENTION_DAYS_MIN}: "
            "idempotency keys are forgotten with what goes",
        )
    if wrong.isdisjoint(_PAIR):
        if settings.tls_certificate is not None and settings.tls_key is None:
            yield "tls_certificate", "expected tls_key beside it: both or neither"
        if settings.tls_key is not None and settings.tls_certificate is None:
            yield "tls_key", "expected tls_certificate beside it: both or neither"
    is_open = not (settings.insecure or settings.is_encrypted or is_loopback(settings.host))
    if is_open and wrong.isdisjoint({"host", "insecure", "tls_certificate"}):
        yield (
            "host",
            f"{settings.host} is reachable from other machines and there is no TLS: "
            "set tls_certificate and tls_key, or insecure if tokens may travel in the clear",
        )
    if settings.venue.kind is VenueKind.REMOTE and not settings.venue.url.startswith(
        ("ws://", "wss://")
    ):
        yield "venue.url", f"expected ws://127.0.0.1:8788 or the like, got {settings.venue.url!r}"
    yield from webhook_contradictions(settings.webhooks, wrong)


def _useless_paths(settings: Settings, wrong: Set[str]) -> Iterator[tuple[str, str]]:
    """Paths that look right and are not, while there is still somebody to read it."""
    certificate, key_file = settings.tls_certificate, settings.tls_key
    is_readable = True
    for key, path in zip(_PAIR, (certificate, key_file), strict=True):
        if path is not None and not can_be_read(path):
            is_readable = False
            yield key, f"expected a file that can be read, got {str(path)!r}"
    if is_readable and certificate is not None and key_file is not None:
        try:
            tls_context(certificate, key_file)
        except CertificateUnusable as unusable:
            yield "tls_certificate", f"{unusable.why}, got {str(certificate)!r}, {str(key_file)!r}"
    if "data_dir" in wrong:
        return
    directory = settings.data_dir.absolute()
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        yield "data_dir", f"expected a directory that can be written, got {str(directory)!r}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
