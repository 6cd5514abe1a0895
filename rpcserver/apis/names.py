"""
What a caller's names mean: accounts, venues and instruments, within the caller's grants.

An account that a principal may not touch does not exist for it: it is neither matched nor
suggested. A venue that was never read since the start may know any name: until it is, a name that
nobody else knows is `venue_unavailable`, which may be asked again, and not unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

from rpcserver.apis.decoding import nearest
from rpcserver.apis.registry import Asked
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, InstrumentId, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentNames, InstrumentSelector


def accounts_of(asked: Asked) -> tuple[Account, ...]:
    """
    Every account of the caller.

    Raises:
        InvalidRequest: `unknown_account`: there is none, and "flat" would be an empty word.
    """
    if not asked.accounts:
        raise InvalidRequest("unknown_account", "there is no account this token may touch")
    return asked.accounts


def accounts_named(asked: Asked, names: Sequence[str]) -> tuple[Account, ...]:
    """
    The caller's accounts of these names, `"Sim101"` or `"paper:Sim101"`; without names all.

    Raises:
        InvalidRequest: `unknown_account`, with the nearest known name; or `venue_unavailable`.
    """
    accounts = accounts_of(asked)
    if not names:
        return accounts
    found: dict[AccountRef, Account] = {}
    for name in names:
        same = [account for account in accounts if _is_called(account, name)]
        if not same:
            hint = nearest(name, (account.account for account in accounts))
            raise _unknown(accounts, "unknown_account", f"{name!r}{hint}")
        found.update((account.ref, account) for account in same)
    return tuple(found.values())


def one_account(asked: Asked, name: str | None) -> Account:
    """
    The caller's account of this name; without a name the only one there is.

    Raises:
        InvalidRequest: `unknown_account`; `missing_argument` where there are several and no name;
            `ambiguous_account` where several venues have the name.
    """
    if name is None and len(accounts_of(asked)) > 1:
        raise InvalidRequest("missing_argument", "account: there are several")
    found = accounts_named(asked, () if name is None else (name,))
    if len(found) > 1:
        spelled = ", ".join(str(account.ref) for account in found)
        raise InvalidRequest("ambiguous_account", f"{name!r} is one of {spelled}")
    return found[0]


def accounts_of_user(asked: Asked, user_id: str) -> tuple[Account, ...]:
    """
    The caller's accounts that belong to *user_id*.

    Raises:
        InvalidRequest: `unknown_user`, or `venue_unavailable`.
    """
    accounts = accounts_of(asked)
    found = tuple(a for a in accounts if a.user_id.casefold() == user_id.casefold())
    if not found:
        hint = nearest(user_id, (account.user_id for account in accounts))
        raise _unknown(accounts, "unknown_user", f"{user_id!r}{hint}")
    return found


def accounts_at(accounts: Sequence[Account], venue: str) -> tuple[Account, ...]:
    """
    Those of *accounts* that live at *venue*.

    Raises:
        InvalidRequest: `unknown_venue`.
    """
    found = tuple(a for a in accounts if a.venue.casefold() == venue.casefold())
    if not found:
        hint = nearest(venue, (account.venue for account in accounts))
        raise InvalidRequest("unknown_venue", f"{venue!r}{hint}")
    return found


@contextmanager
def said_of(key: str) -> Iterator[None]:
    """A name within that nobody knows is told with the *key* it was given under."""
    try:
        yield
    except InvalidRequest as exc:
        raise InvalidRequest(exc.code, f"{key}: {exc.detail}") from exc


def selectors_of(
    asked: Asked, accounts: Sequence[Account], names: Sequence[str]
) -> tuple[InstrumentSelector, ...]:
    """
    What *names* select in a closing filter: an instrument, or by a root every expiry of it.

    Raises:
        InvalidRequest: `unknown_instrument`, with the nearest known name; or `venue_unavailable`.
    """
    found: dict[tuple[InstrumentId | None, str | None], InstrumentSelector] = {}
    for name in names:
        known = False
        for directory in _directories(asked, accounts):
            if (selector := directory.selector(name)) is not None:
                found.setdefault((selector.exact, selector.root), selector)
                known = True
        if not known:
            raise _unknown_instrument(asked, accounts, name)
    return tuple(found.values())


def one_instrument(
    asked: Asked, accounts: Sequence[Account], name: str
) -> tuple[VenueId, Instrument]:
    """
    The instrument to quote or to trade, and its venue; a root means the front month.

    Raises:
        InvalidRequest: `unknown_instrument`, with the nearest known name; or `venue_unavailable`.
    """
    for venue in dict.fromkeys(account.venue for account in accounts):
        directory = asked.directory.names.get(venue)
        if directory is not None and (found := directory.one(name, asked.now.date())) is not None:
            return venue, found
    raise _unknown_instrument(asked, accounts, name)


def by_instrument(
    asked: Asked, accounts: Sequence[Account], values: Mapping[str, Decimal], key: str
) -> dict[InstrumentId, Decimal]:
    """
    *values* by canonical name; a price or a size needs one exact instrument, never a root.

    Raises:
        InvalidRequest: `unknown_instrument`; `ambiguous_instrument` for a root;
            `invalid_argument` for one instrument under two names.
    """
    found: dict[InstrumentId, Decimal] = {}
    for name, value in values.items():
        for selector in selectors_of(asked, accounts, (name,)):
            if selector.exact is None:
                raise InvalidRequest(
                    "ambiguous_instrument", f"{key}[{name!r}]: a root; name one expiry"
                )
            if selector.exact in found:
                raise InvalidRequest(
                    "invalid_argument", f"{key}[{name!r}]: {selector.exact} is there already"
                )
            found[selector.exact] = value
    return found


def is_selected(
    asked: Asked,
    accounts: Sequence[Account],
    selectors: Sequence[InstrumentSelector],
    name: InstrumentId,
) -> bool:
    """Whether one of *selectors* takes the instrument of this canonical name."""
    return any(
        selector.matches(instrument)
        for directory in _directories(asked, accounts)
        if (instrument := directory.spellings.get(name.upper())) is not None
        for selector in selectors
    )


def instrument_at(asked: Asked, venue: VenueId, instrument: InstrumentId) -> Instrument | None:
    """What the directory knows of one instrument."""
    directory = asked.directory.names.get(venue)
    return directory.spellings.get(instrument.upper()) if directory is not None else None


def _is_called(account: Account, name: str) -> bool:
    if account.account == UNREAD:  # a name that means every account is no name of one
        return False
    return name.casefold() in (account.account.casefold(), str(account.ref).casefold())


def _directories(asked: Asked, accounts: Sequence[Account]) -> Iterator[InstrumentNames]:
    for venue in dict.fromkeys(account.venue for account in accounts):
        if venue in asked.directory.names:
            yield asked.directory.names[venue]


def _unknown_instrument(asked: Asked, accounts: Sequence[Account], name: str) -> InvalidRequest:
    known = (
        instrument.instrument_id
        for directory in _directories(asked, accounts)
        for instrument in directory.spellings.values()
    )
    return _unknown(accounts, "unknown_instrument", f"{name!r}{nearest(name, known)}")


def _unknown(accounts: Sequence[Account], code: str, detail: str) -> InvalidRequest:
    """Nobody knows the name; or nobody can say so yet."""
    unread = [str(account.venue) for account in accounts if account.account == UNREAD]
    if unread:
        venues = ", ".join(unread)
        return InvalidRequest(
            "venue_unavailable", f"{detail}: {venues} was not read yet; ask again"
        )
    return InvalidRequest(code, detail)
