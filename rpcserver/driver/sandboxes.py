"""Which venues are sandboxes, as they say themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from rpcserver.core.requests import CloseRequest
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import VenueId


class Venues(Protocol):
    """The engine, as far as it is needed here."""

    @property
    def accounts(self) -> Mapping[VenueId, tuple[Account, ...]]: ...

    def capabilities(self, venue: VenueId) -> Capabilities: ...


def known_sandboxes(engine: Venues) -> dict[VenueId, bool]:
    """Whether each venue is a sandbox; one that was never read is not there."""
    return {
        venue: engine.capabilities(venue).sandbox
        for venue, accounts in engine.accounts.items()
        if not any(account.account == UNREAD for account in accounts[:1])  # it stands alone
    }


def with_sandboxes(engine: Venues, request: CloseRequest) -> CloseRequest:
    """*request* with those of its venues that are sandboxes; None: one of them is not known."""
    known = known_sandboxes(engine)
    venues = {account.venue for account in request.scope.accounts}
    among = tuple(sorted(venue for venue in venues if known.get(venue)))
    return replace(request, sandboxes=among if venues <= known.keys() else None)
