"""
How fast calls may follow each other beyond what every token may use up: the policy's rates, and
the request limits that the dialects' own documents state.

Exits are paced, never refused, and each token's by themselves: nobody's exits wait for another's.
Everything else is refused with the time to wait. Time is an argument, in seconds of any one
monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from rpcserver.domain.ids import AccountRef
from rpcserver.domain.policy import Rate, RateOf
from rpcserver.domain.principal import Principal
from rpcserver.server.limits import TokenBucket


class WindowLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many calls in any window of so many seconds."""

    count: int
    seconds: float


UPSTOX_ORDERS = (
    WindowLimit(count=10, seconds=1.0),
    WindowLimit(count=500, seconds=60.0),
    WindowLimit(count=2000, seconds=1800.0),
)
# Of exits only the windows of a second: one of half an hour would make an exit wait for as long.
DIALECT_LIMITS: Mapping[str, tuple[WindowLimit, ...]] = {
    "BatchClose": (WindowLimit(count=1, seconds=1.0),),
    "ExitAll": UPSTOX_ORDERS[:1],
    "CancelMultiOrder": UPSTOX_ORDERS[:1],
    "PlaceMultiOrder": UPSTOX_ORDERS,
}
"""What Deepcoin and Upstox state of these calls, of each token."""


class Windows:
    """Calls so far apart that no window sees more of them than each limit says."""

    def __init__(self, limits: Sequence[WindowLimit]) -> None:
        self._kept = [(limit, deque[float](maxlen=limit.count)) for limit in limits]

    def peek(self, now: float) -> float:
        """The seconds until there is a place; none is taken."""
        return self._due(now) - now

    def reserve(self, now: float) -> float:
        """Take the next place, in the order asked, and return the seconds until it is due."""
        due = self._due(now)
        for _, taken in self._kept:
            taken.append(due)
        return due - now

    def _due(self, now: float) -> float:
        for limit, taken in self._kept:
            if taken:
                now = max(now, taken[-1])
            if len(taken) == limit.count:
                now = max(now, taken[0] + limit.seconds)
        return now


class Gate(Protocol):
    """What lets so many through."""

    def peek(self, now: float) -> float: ...

    def reserve(self, now: float) -> float: ...


def _pass_all(gates: Sequence[Gate], now: float) -> float:
    """Pass through all of them and return 0, else through none: the seconds until all are open."""
    if wait := max((gate.peek(now) for gate in gates), default=0.0):
        return wait
    for gate in gates:
        gate.reserve(now)
    return 0.0


class Pacer:
    """The rates of all tokens. *rates* tells what the policy says now."""

    def __init__(self, rates: Callable[[], Sequence[Rate]], *, with_dialects: bool) -> None:
        self._rates = rates
        self._dialects = DIALECT_LIMITS if with_dialects else {}
        self._windows: dict[tuple[str, str], Windows] = {}  # by token and api
        self._buckets: dict[tuple[Rate, str], TokenBucket] = {}  # by rate and token
        self._seen: Sequence[Rate] = ()

    def call(self, principal: Principal, api: str, now: float) -> float:
        """0 if an ordinary call may be carried out, else the seconds after which it may."""
        if not self._current() and api not in self._dialects:
            return 0.0
        gates: list[Gate] = list(self._of_call(principal, api, now))
        if (windows := self._of_dialect(principal, api)) is not None:
            gates.append(windows)
        return _pass_all(gates, now)

    def accounts(self, accounts: Iterable[AccountRef], now: float) -> float:
        """Likewise for the accounts that an ordinary call reaches, of all tokens together."""
        rates = [rate for rate in self._current() if rate.of is RateOf.ACCOUNT]
        if not rates:
            return 0.0
        named = {str(account) for account in accounts}
        return _pass_all([self._bucket(rate, "", now) for rate in rates if rate.name in named], now)

    def exit(self, principal: Principal, api: str, now: float) -> float:
        """The seconds to delay an exit by, so that it keeps its place in the row."""
        delays = [
            self._bucket(rate, principal.token_id, now).reserve(now)
            for rate in self._current()
            if rate.of is RateOf.API and rate.name == api
        ]
        if (windows := self._of_dialect(principal, api)) is not None:
            delays.append(windows.reserve(now))
        return max(delays, default=0.0)

    def _of_call(self, principal: Principal, api: str, now: float) -> Iterator[TokenBucket]:
        roles = {role.value for role in principal.roles}
        for rate in self._current():
            is_meant = (
                (rate.of is RateOf.API and rate.name == api)
                or (rate.of is RateOf.TOKEN and rate.name == principal.token_id)
                or (rate.of is RateOf.ROLE and rate.name in roles)
            )
            if is_meant:
                yield self._bucket(rate, principal.token_id, now)

    def _of_dialect(self, principal: Principal, api: str) -> Windows | None:
        limits = self._dialects.get(api)
        if limits is None:
            return None
        return self._windows.setdefault((principal.token_id, api), Windows(limits))

    def _bucket(self, rate: Rate, token: str, now: float) -> TokenBucket:
        bucket = self._buckets.get((rate, token))
        if bucket is None:
            bucket = TokenBucket(rate.per_second, rate.burst, now)
            self._buckets[rate, token] = bucket
        return bucket

    def _current(self) -> Sequence[Rate]:
        """The rates in force; what a changed policy says no more is forgotten."""
        rates = self._rates()
        if rates is not self._seen:
            kept = set(rates)
            self._buckets = {key: each for key, each in self._buckets.items() if key[0] in kept}
            self._seen = rates
        return rates
