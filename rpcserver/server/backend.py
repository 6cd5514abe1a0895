"""What all connections share."""

from __future__ import annotations

import anyio

from rpcserver.apis.registry import Registry
from rpcserver.server.admission import canonical_names
from rpcserver.server.approvals import Approvals
from rpcserver.server.auth import Gatekeeper
from rpcserver.server.channels import Channels
from rpcserver.server.desk import Desk
from rpcserver.server.directives import DirectiveOffice
from rpcserver.server.directory import DirectoryKeeper
from rpcserver.server.hub import Hub
from rpcserver.server.pacing import Pacer
from rpcserver.server.pnl import PnlFeed
from rpcserver.server.ports import Engine
from rpcserver.server.quotes import QuoteFeed
from rpcserver.server.sessions import Sessions
from rpcserver.server.settings import ServerSettings
from rpcserver.server.settings_office import SettingsOffice
from rpcserver.server.shelter import Shelter
from rpcserver.server.strangers import Strangers
from rpcserver.server.tokens import TokenOffice
from rpcserver.server.traffic import Traffic
from rpcserver.server.weighing import Weighing
from rpcserver.server.witness import Witness


class Backend:
    """The engine, the registry, and everything between them and the connections."""

    def __init__(
        self, engine: Engine, registry: Registry, settings: ServerSettings, traffic: Traffic
    ) -> None:
        self.engine = engine
        self.registry = registry
        self.limits = settings.limits
        self.traffic = traffic
        self.alarm = settings.alarm
        self.canonical_names = canonical_names(registry)
        self.witness = Witness(settings.notary)
        self.gatekeeper = Gatekeeper(engine.journal)
        self.stopping = anyio.Event()
        self.strangers = Strangers(engine, self.stopping)
        self.sessions = Sessions(self.limits, self.gatekeeper)
        self.directory = DirectoryKeeper(engine)
        self.tokens = TokenOffice(
            engine, on_revoked=self.sessions.revoked, on_limited=self.sessions.limited
        )
        self.approvals = Approvals(engine, self.directory, settings.second_person)
        directives = DirectiveOffice(engine, self.approvals, registry, self.directory)
        self.settings = SettingsOffice(engine, registry, self.limits)
        self.weighing = Weighing(engine, self.approvals, self.settings)
        self.pacer = Pacer(
            lambda: self.settings.policy.rates, with_dialects=self.limits.dialect_limits
        )
        self.desk = Desk(
            engine,
            self.tokens,
            self.approvals,
            directives,
            self.settings,
            timeout=settings.venue_timeout,
            witness=self.witness,
        )
        self.hub = Hub(engine)
        self.channels = Channels(engine, self.desk.reader.listed)
        self.quotes = QuoteFeed(self.desk.reader, settings.quote_interval)
        self.pnl = PnlFeed(self.desk.reader)
        self.shelter = Shelter()
        self.following = 0  # calls that wait for the end of an operation, to answer with it

    def close(self) -> None:
        """Listen to the engine no longer."""
        self.hub.close()
        self.channels.close()
        self.desk.reader.close()
