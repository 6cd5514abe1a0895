"""On which days an exchange trades. The calendars are loaded only when a rule names one."""

from __future__ import annotations

import difflib
import warnings
from datetime import date
from functools import cache

import anyio.to_thread

from rpcserver.domain.errors import InvalidRequest
from rpcserver.rules.schedule import Trades, every_day


async def trades_on(calendar: str | None) -> Trades:
    """
    Whether the exchange of a calendar trades on a day; without a calendar every day counts.

    A day beyond what the calendar knows counts: better flat on a holiday than not on a trading day.

    Raises:
        InvalidRequest: `invalid_argument`: there is no such calendar.
    """
    if calendar is None:
        return every_day
    return await anyio.to_thread.run_sync(_load, calendar)


@cache
def _load(name: str) -> Trades:
    import exchange_calendars

    if name not in exchange_calendars.get_calendar_names():
        known = exchange_calendars.get_calendar_names()
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidRequest("invalid_argument", f"calendar: {name!r} is no exchange's{hint}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library's own dependencies mean to change
        calendar = exchange_calendars.get_calendar(name)
    days = frozenset(session.date() for session in calendar.sessions)
    last = max(days)

    def trades(day: date) -> bool:
        return day in days or day > last

    return trades
