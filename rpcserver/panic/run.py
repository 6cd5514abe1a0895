"""One press: every account of every venue, side by side, and one verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import anyio
import msgspec

from rpcserver.domain.capabilities import Capabilities, ReduceOnly
from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.driver.ports import Venue
from rpcserver.panic.account import AccountCloser
from rpcserver.panic.calls import Calls, within_deadline
from rpcserver.panic.diary import AccountEnded, Began, Diary, Ended, Remarked
from rpcserver.panic.outstanding import PAUSE, longest_way

Clock = Callable[[], datetime]


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for."""

    run: str  # the name of this press, never given before
    who: str  # the user of this machine
    reason: str
    accounts: frozenset[str] = frozenset()  # as "Sim101" or "paper:Sim101"; none: all of them
    deadline: float = 120.0  # seconds
    deposed: int | None = None  # the process that held the data directory

    def wants(self, account: AccountRef) -> bool:
        return not self.accounts or any(_is_called(account, name) for name in self.accounts)

    def missed(self, found: Iterable[AccountRef]) -> tuple[str, ...]:
        """The names that none of the accounts *found* has."""
        known = tuple(found)
        return tuple(
            name
            for name in sorted(self.accounts)
            if not any(_is_called(account, name) for account in known)
        )


def _is_called(account: AccountRef, name: str) -> bool:
    return name.casefold() in (account.account.casefold(), str(account).casefold())


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of it. `unread` are venues whose accounts could not even be listed, `missed` the
    names that were asked for and that no account has.
    """

    accounts: tuple[AccountEnded, ...]
    unread: tuple[VenueId, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def flat(self) -> bool:
        """Every account is proven flat, none that was named is missing, no venue in the dark."""
        return (
            not (self.unread or self.missed)
            and bool(self.accounts)
            and all(account.flat for account in self.accounts)
        )

    @property
    def unknown(self) -> bool:
        """Whether something cannot be told."""
        return bool(self.unread or self.missed) or any(
            account.doubtful or (account.detail and not account.flat) for account in self.accounts
        )


async def press(
    pressed: Pressed,
    venues: Mapping[VenueId, Venue],
    diary: Diary,
    *,
    clock: Clock = lambda: datetime.now(UTC),
) -> Verdict:
    """Close everything *pressed* names at *venues*, until it is proven or the deadline passes."""
    diary.write(
        Began(
            at=clock(),
            run=pressed.run,
            who=pressed.who,
            reason=pressed.reason,
            deposed=pressed.deposed,
        ),
        durable=True,
    )
    ends: list[AccountEnded] = []
    unread: list[VenueId] = []
    deadline = anyio.current_time() + pressed.deadline

    async def close_venue(venue: Venue) -> None:
        found = await _close_venue(pressed, venue, diary, clock, deadline)
        if found is None:
            unread.append(venue.venue_id)
        else:
            ends.extend(found)

    async with anyio.create_task_group() as tasks:
        for venue in venues.values():
            tasks.start_soon(close_venue, venue)
    verdict = Verdict(
        accounts=tuple(sorted(ends, key=lambda end: end.account)),
        unread=tuple(sorted(unread)),
        missed=pressed.missed(end.account for end in ends),
    )
    diary.write(Ended(at=clock(), flat=verdict.flat), durable=True)
    return verdict


async def _close_venue(
    pressed: Pressed, venue: Venue, diary: Diary, clock: Clock, deadline: float
) -> Sequence[AccountEnded] | None:
    """None: its accounts could not be listed in time."""
    listed: tuple[Capabilities, Sequence[AccountRef]] | None = None
    with anyio.move_on_at(deadline):
        listed = await _listed(venue, diary, clock)
    if listed is None:
        return None
    capabilities, accounts = listed
    calls = Calls(venue, capabilities)
    ends: list[AccountEnded] = []

    async def close(account: AccountRef) -> None:
        closer = AccountCloser(
            account,
            capabilities,
            calls,
            diary,
            run=pressed.run,
            clock=clock,
            caution=_caution(pressed, capabilities),
        )
        end = None
        with anyio.move_on_at(deadline):
            end = await closer.close()
        if end is None:
            end = closer.abandoned()
        diary.write(end)
        ends.append(end)

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            if pressed.wants(account):
                tasks.start_soon(close, account)
    return ends


async def _listed(
    venue: Venue, diary: Diary, clock: Clock
) -> tuple[Capabilities, Sequence[AccountRef]]:
    while True:
        try:
            capabilities = await within_deadline(venue.capabilities())
            accounts = await within_deadline(venue.accounts())
        except VenueError as error:
            diary.write(Remarked(at=clock(), venue=venue.venue_id, detail=f"not read: {error}"))
            await anyio.sleep(PAUSE)
        else:
            return capabilities, [account.ref for account in accounts]


def _caution(pressed: Pressed, capabilities: Capabilities) -> float:
    """
    How long to wait for orders of the deposed process that are on their way.

    Where reduce-only holds at every fill a late one finds nothing to take; elsewhere it could
    open the other side (law 1).
    """
    if pressed.deposed is None or capabilities.reduce_only is ReduceOnly.AT_FILL:
        return 0.0
    return longest_way(capabilities)
