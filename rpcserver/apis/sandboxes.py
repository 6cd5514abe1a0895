"""
Sandbox or live: how answers word what is known of the venues that they speak of.

Whoever reads `"sandbox": true` may be sure that no live account is meant. Nothing is said of a
venue that is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from rpcserver.core.report import OperationReport
from rpcserver.core.requests import CloseRequest
from rpcserver.domain.ids import AccountRef, VenueId


class Kind(NamedTuple):
    """What the accounts of an answer are: unset where that is not known, or not to be said."""

    sandbox: bool | UnsetType = UNSET  # all of them
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET  # where some are and some are not: which

    @property
    def keys(self) -> dict[str, object]:
        """The same, as keys of an object."""
        told = {"sandbox": self.sandbox, "sandboxVenues": self.sandbox_venues}
        return {key: value for key, value in told.items() if value is not UNSET}


def kind_among(sandboxes: Collection[VenueId] | None, venues: Collection[VenueId]) -> Kind:
    """What *venues* are, of which *sandboxes* are some; None: one of them is not known."""
    if sandboxes is None:
        return Kind()
    if sandboxes and len(set(sandboxes)) < len(set(venues)):
        return Kind(False, tuple(sorted(sandboxes)))
    return Kind(bool(sandboxes))


def kind_of(accounts: Collection[AccountRef], known: Mapping[VenueId, bool]) -> Kind:
    """What *accounts* are, where each venue that is *known* is a sandbox or not."""
    venues = {account.venue for account in accounts}
    if not venues or not venues <= known.keys():
        return Kind()
    return kind_among([venue for venue in venues if known[venue]], venues)


def kind_of_request(request: CloseRequest) -> Kind:
    """What was known when the call was admitted: a repeated answer says the same."""
    return kind_among(request.sandboxes, {account.venue for account in request.scope.accounts})


def sandbox_of(report: OperationReport) -> dict[str, object]:
    """The same, as keys of an operation's answer."""
    return kind_of_request(report.request).keys
