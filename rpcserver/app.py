"""
The only file that knows everyone: builds, recovers, serves, stops.

Everything is opened from the bottom up (the journal and its lock, the venue, the engine, the
listener) and closed from the top down, after a crash as after a signal.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import msgspec
from anyio.abc import TaskGroup
from loguru import logger

from rpcserver.alerting.shell import Alerting, open_alerting
from rpcserver.apis.catalogue import registry
from rpcserver.certificates import tls_context
from rpcserver.core.events import Noticed
from rpcserver.core.standing import Word
from rpcserver.domain.directive import Halt, HaltScope
from rpcserver.domain.errors import Deposed, JournalBroken
from rpcserver.domain.ids import PrincipalId, TokenId
from rpcserver.domain.principal import EVERY_ACCOUNT, Role, TokenRow
from rpcserver.driver.engine import Engine, open_engine
from rpcserver.driver.ports import Journal, Venue
from rpcserver.driver.telling_restart import tell_restart
from rpcserver.journal.directory import sync_directory
from rpcserver.journal.lock import hold_directory
from rpcserver.journal.signing import Notary, open_notary
from rpcserver.journal.sqlite import open_journal
from rpcserver.monitoring.log import LogForm, open_log
from rpcserver.monitoring.monitor import Commits, Monitor, open_monitor
from rpcserver.monitoring.redaction import Redactor, secrets_of
from rpcserver.monitoring.venue import MeasuredVenue, Requests
from rpcserver.panic.aftermath import aftermaths
from rpcserver.panic.diary import mark_told
from rpcserver.retention import keep_retention
from rpcserver.rules.deadman import tell_suspended
from rpcserver.rules.shell import run_rules
from rpcserver.server.dashboard import dashboard_pages
from rpcserver.server.limits import Limits
from rpcserver.server.listener import serve
from rpcserver.server.second_person import SecondPersonRule
from rpcserver.server.settings import PageAccess, ServerSettings
from rpcserver.server.traffic import Traffic
from rpcserver.settings import Settings, VenueKind
from rpcserver.stopping import drain, listening_for_stop
from rpcserver.venues.paper import PaperSettings, open_paper_venue, open_remote_paper_venue
from rpcserver.venues.paper import serve as serve_paper_venue
from rpcserver.venues.paper.faults import Fault
from rpcserver.venues.paper.forecast import SetWeather

JOURNAL_FILE = "journal.db"
VENUE_FILE = "venue.db"
VENUE_LOCK = "venue.lock"  # of its own: a server may trade at a venue of the same directory
TOKEN_FILE = "admin.token"

JOURNAL_BROKEN = 74  # the exit code of a process whose journal could not commit: restart it
DEPOSED = 75  # of one whose data directory another process took over: somebody pressed panic
FIRST_LINK = 0.5  # seconds at the start for a venue process, before it counts as down
LAST_POSTS = 2.0  # seconds at a stop for what webhooks have not taken yet
PANIC = PrincipalId("panic")  # who acted where no server did


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The server listens."""

    url: str
    dashboard: str
    port: int
    data_dir: Path
    token_file: Path
    unfinished: int  # operations a crash left, taken up again


async def run(settings: Settings, ready: Callable[[Ready], None] = lambda _: None) -> int:
    """
    Serve until SIGINT or SIGTERM; the exit code.

    Args:
        settings: What `rpcserver serve` was told.
        ready: Called once clients can connect.

    Raises:
        JournalUnusable: The data directory cannot be used, or another process holds it.
        WouldBeInsecure: The address is reachable from other machines and there is no TLS.
    """
    assert __debug__, "never run with -O: assertions guard the laws"
    with logging_as(settings):
        return await _run(settings, ready)


def logging_as(settings: Settings) -> AbstractContextManager[None]:
    """Log to stderr as *settings* say, until the block is left."""
    return open_log(
        sys.stderr,
        level=settings.log_level.value.upper(),
        form=LogForm(settings.log_form.value),
        redactor=Redactor(secrets_of(settings)),
    )


async def _run(settings: Settings, ready: Callable[[Ready], None]) -> int:
    _calm_the_collector()
    code = 0
    try:
        await _serve(settings, ready)
    except* JournalBroken as errors:
        code = JOURNAL_BROKEN
        logger.critical("the journal cannot commit; nothing more is sent", error=str(errors))
    except* Deposed as errors:
        code = DEPOSED
        logger.critical("another process took over; nothing more is sent", error=str(errors))
    return code


async def _serve(settings: Settings, ready: Callable[[Ready], None]) -> None:
    async with AsyncExitStack() as stack:
        commits, requests, traffic = Commits(), Requests(), Traffic()
        journal = await stack.enter_async_context(
            open_journal(settings.data_dir / JOURNAL_FILE, on_commit=commits.committed)
        )
        stop = await stack.enter_async_context(listening_for_stop())
        token_file = await _first_token(journal, settings.data_dir)
        notary = open_notary(settings.data_dir)
        opened = await stack.enter_async_context(open_venue(settings))
        venue = MeasuredVenue(opened, requests)
        engine = await stack.enter_async_context(
            open_engine(journal, {venue.venue_id: venue}, bulk_exit=settings.alerts.bulk_exit)
        )
        await _take_in_panic(engine, settings.data_dir)
        tasks = await stack.enter_async_context(_until_closed())
        rules = anyio.CancelScope()  # they act no more once a stop was asked for
        tasks.start_soon(_keep_rules, rules, engine, name="rules")
        alerting = await stack.enter_async_context(
            open_alerting(
                engine,
                notary,
                settings.data_dir,
                alerts=settings.alerts,
                webhooks=settings.webhooks,
            )
        )
        monitor = await stack.enter_async_context(
            open_monitor(
                engine,
                requests=requests,
                commits=commits,
                traffic=traffic,
                webhooks=alerting.webhooks,
                by_account=settings.monitoring.accounts,
                feed=alerting.tell,
            )
        )
        server = await stack.enter_async_context(
            serve(_server_settings(settings, monitor, notary, alerting), engine, registry, traffic)
        )
        engine.when_broken(
            lambda: server.announce("journal_broken", "nothing more is sent; ask again by key")
        )
        await engine.settled_in()  # those who come before may attach; exits wait for it
        tasks.start_soon(tell_restart, engine, journal, name="what the restart found")
        archives = settings.audit.archive_dir or settings.data_dir
        days = settings.audit.retention_days
        tasks.start_soon(keep_retention, engine, journal, archives, days, name="retention")
        bound = msgspec.structs.replace(settings, port=server.port)
        ready(
            Ready(
                url=bound.url,
                dashboard=bound.dashboard,
                port=bound.port,
                data_dir=settings.data_dir,
                token_file=token_file,
                unfinished=len(engine.unfinished),
            )
        )
        await stop.asked.wait()
        rules.cancel()
        await tell_suspended(engine, server.announce)
        await drain(engine, server, stop, settings.drain_timeout)
        await alerting.tell_the_rest(LAST_POSTS)


async def _keep_rules(scope: anyio.CancelScope, engine: Engine) -> None:
    with scope:
        await run_rules(engine, registry)


@asynccontextmanager
async def _until_closed() -> AsyncIterator[TaskGroup]:
    """Tasks that run for as long as what is opened after them, and are then cancelled."""
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        finally:
            tasks.cancel_scope.cancel()


async def _take_in_panic(engine: Engine, data_dir: Path) -> None:
    """
    Put into the audit what `rpcserver panic` did while no server ran, and let nothing reopen it.

    The halt comes first and has the run's name: a crash in here does it all again, once.
    """
    for story in aftermaths(data_dir):
        await engine.lay_down(
            Halt(halt_id=f"halt-{story.run}", scope=HaltScope()),
            Word(principal=PANIC, reason=story.detail),
        )
        for account in story.accounts:
            await engine.note(
                Noticed(
                    code="panic_closed",
                    detail=account.detail,
                    account=account.account,
                    principal=PANIC,
                )
            )
        await engine.note(
            Noticed(code="panic_pressed", detail=story.detail, alert=True, principal=PANIC)
        )
        mark_told(story.path)
        logger.warning("panic was pressed while no server ran", detail=story.detail)


async def run_venue(
    data_dir: Path,
    port: int,
    ready: Callable[[int], None] = lambda _: None,
    *,
    settings: PaperSettings | None = None,
    script: Sequence[Fault] = (),
    weather: SetWeather | None = None,
) -> None:
    """
    Serve the paper venue as a process of its own, until SIGINT or SIGTERM.

    *script* and *weather* are the faults of a rehearsal, written down or drawn.

    Raises:
        DirectoryHeld: Another venue process has the directory.
        InvalidRequest: A fault names an account or an instrument that is not there.
        OSError: The port is taken.
        sqlite3.OperationalError: A server that embeds its venue has the database open.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = msgspec.structs.replace(settings or PaperSettings(), path=data_dir / VENUE_FILE)
    with hold_directory(data_dir, VENUE_LOCK):
        async with anyio.create_task_group() as tasks:

            async def serve_venue() -> None:
                await serve_paper_venue(
                    told, port=port, ready=ready, script=script, weather=weather
                )

            tasks.start_soon(serve_venue)
            async with listening_for_stop() as stop:
                await stop.asked.wait()
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_venue(settings: Settings) -> AsyncIterator[Venue]:
    """
    The venue that *settings* tell of.

    Raises:
        sqlite3.OperationalError: An embedded one is in use by another process.
    """
    told = settings.venue
    match told.kind:
        case VenueKind.EMBEDDED:
            paper = PaperSettings(
                path=settings.data_dir / VENUE_FILE,
                seed=told.seed,
                tick_interval=told.tick_interval or None,
                sessions=told.sessions,
                latency=told.latency,
                synthetic_positions=told.synthetic_positions,
                synthetic_accounts=told.synthetic_accounts,
            )
            async with open_paper_venue(paper) as embedded:
                yield embedded
        case VenueKind.REMOTE:
            address = urlsplit(told.url)
            host, port = address.hostname or "127.0.0.1", address.port
            assert port is not None, "the settings were checked"
            async with open_remote_paper_venue(port, host=host, patience=FIRST_LINK) as remote:
                yield remote


async def _first_token(journal: Journal, data_dir: Path) -> Path:
    """Write a token for everything beside the journal, once: the first person needs a way in."""
    path = data_dir / TOKEN_FILE
    if await journal.tokens():
        return path
    token = secrets.token_urlsafe(32)
    row = TokenRow(
        token_id=TokenId(f"tok-{secrets.token_hex(4)}"),
        principal=PrincipalId("admin"),
        roles=frozenset({Role.ADMIN, Role.RISK, Role.TRADER, Role.BREAK_GLASS}),
        accounts=(EVERY_ACCOUNT,),
        created_at=datetime.now(UTC),
    )
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(f"{token}\n")
        stream.flush()
        os.fsync(stream.fileno())
    sync_directory(data_dir)
    # Last: a crash before leaves no token, and the next start writes another; one that were known
    # to the journal alone would lock everybody out.
    await journal.add_token(row, sha256(token.encode()).digest())
    return path


def _server_settings(
    settings: Settings, monitor: Monitor, notary: Notary, alerting: Alerting
) -> ServerSettings:
    return ServerSettings(
        host=settings.host,
        port=settings.port,
        tls=(
            tls_context(settings.tls_certificate, settings.tls_key)
            if settings.tls_certificate is not None and settings.tls_key is not None
            else None
        ),
        insecure=settings.insecure,
        origins=settings.origins,
        limits=msgspec.convert(msgspec.structs.asdict(settings.limits), Limits),
        second_person=msgspec.convert(
            msgspec.structs.asdict(settings.second_person), SecondPersonRule
        ),
        pages={**monitor.pages, **dashboard_pages()},
        private_pages=monitor.private_pages,
        page_access=PageAccess(settings.monitoring.access.value),
        notary=notary,
        alarm=alerting.tell,
    )


def _calm_the_collector() -> None:
    """What is loaded stays; a burst of legs is no garbage. Short turns for the journal's thread."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.setswitchinterval(0.0005)
