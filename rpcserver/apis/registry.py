"""
The handler registry: one declaration per api.

```python
@registry.closing("Flatten", args=FlattenArgs, answer=crosstrade_answer)
def flatten(args: FlattenArgs, asked: Asked) -> CloseTerms: ...

@registry.query("ListAccounts", args=NoArgs, permission=Permission.READ)
def list_accounts(args: NoArgs, asked: Asked) -> Ask: ...
```

A closing api turns args into `CloseTerms`; the server admits them as an operation and, when it
ends, builds the answer from its report. Every other api turns args into an `Ask`: the query to
carry out and the function that words what came back. Handlers raise `InvalidRequest`; they never
perform anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from rpcserver.apis.queries import Data, Query
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.sandboxes import Kind, kind_of
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import Amount, Dust, Execution, OnFence, OnRefill, Scope, Sequel
from rpcserver.domain.account import Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentNames
from rpcserver.domain.principal import Permission, Principal

Args = TypeVar("Args", bound=msgspec.Struct)


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """What names mean today: every account and instrument of every venue."""

    accounts: tuple[Account, ...]
    instruments: dict[VenueId, tuple[Instrument, ...]]
    names: dict[VenueId, InstrumentNames]
    sandboxes: Mapping[VenueId, bool] = {}  # whether each venue is one, as far as is known

    @classmethod
    def of(
        cls,
        accounts: Mapping[VenueId, tuple[Account, ...]],
        instruments: Mapping[VenueId, tuple[Instrument, ...]],
        sandboxes: Mapping[VenueId, bool],
    ) -> Directory:
        """What names mean where these were read."""
        return cls(
            accounts=tuple(account for each in accounts.values() for account in each),
            instruments=dict(instruments),
            names={venue: InstrumentNames(listed) for venue, listed in instruments.items()},
            sandboxes=sandboxes,
        )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, when, and the directory to resolve names with."""

    principal: Principal
    directory: Directory
    now: datetime
    remote: str = ""
    new_order_id: Callable[[], str] | None = None  # a fresh 32-hex id for a client's own order

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts this principal may touch: nothing else exists for it."""
        return tuple(a for a in self.directory.accounts if self.principal.may_touch(a.ref))

    def kind_of(self, reached: Callable[[AccountRef], bool]) -> Kind:
        """Sandbox or live: what those of the principal's accounts are that are *reached*."""
        refs = [account.ref for account in self.accounts]
        return kind_of([ref for ref in refs if reached(ref)], self.directory.sandboxes)

    def refs(self, accounts: Sequence[Account]) -> tuple[AccountRef, ...]:
        return tuple(account.ref for account in accounts)


class CloseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a closing api makes of its args: everything of a `CloseRequest` but its envelope."""

    scope: Scope
    amount: Amount = Amount()
    execution: Execution = Execution()
    check_hours: bool = False
    dry_run: bool = False
    plan_hash: str | None = None
    reason: str = ""
    deadline: float = 60.0  # seconds
    break_glass: bool = False
    on_fence: OnFence = OnFence.UNCONTESTED
    wait_for_open: bool = False
    dust: Dust = Dust.CLOSE
    stay_flat: float = 0.0  # seconds
    on_refill: OnRefill = OnRefill.REPORT
    must_match: bool = False
    sequel: Sequel | None = None


class Ask(msgspec.Struct, frozen=True):
    """A query, and how to word what comes back."""

    query: Query
    answer: Callable[[Any], Data]  # takes exactly what the query's docstring names


class ClosingApi(msgspec.Struct, Generic[Args], frozen=True, kw_only=True):
    """An api that opens an operation. `answer(report, full)`: short keeps only unproven legs."""

    name: str
    args: type[Args]
    terms: Callable[[Args, Asked], CloseTerms]
    answer: Callable[[OperationReport, bool], Data]
    permission: Permission = Permission.CLOSE
    refuse: Callable[[InvalidRequest], Data] = refuse_plainly  # `data` of a refusal, in its dialect


class QueryApi(msgspec.Struct, Generic[Args], frozen=True, kw_only=True):
    """Any other api; `read_only` ones may be repeated without a thought."""

    name: str
    args: type[Args]
    ask: Callable[[Args, Asked], Ask]
    permission: Permission
    read_only: bool
    refuse: Callable[[InvalidRequest], Data] = refuse_plainly


Api = ClosingApi[Any] | QueryApi[Any]


class Registry:
    """Every api by its exact name; a name is declared once."""

    def __init__(self) -> None:
        self._apis: dict[str, Api] = {}

    @classmethod
    def of(cls, *parts: Registry) -> Registry:
        """One registry of several: each dialect declares its own apis."""
        whole = cls()
        for part in parts:
            for api in part:
                whole._add(api)
        return whole

    def __iter__(self) -> Iterator[Api]:
        return iter(self._apis.values())

    def find(self, name: str) -> Api | None:
        return self._apis.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._apis)

    def closing(
        self,
        *names: str,
        args: type[Args],
        answer: Callable[[OperationReport, bool], Data],
        permission: Permission = Permission.CLOSE,
        refuse: Callable[[InvalidRequest], Data] = refuse_plainly,
    ) -> Callable[[Callable[[Args, Asked], CloseTerms]], Callable[[Args, Asked], CloseTerms]]:
        """Declare a closing api; further names are aliases."""

        def declare(
            terms: Callable[[Args, Asked], CloseTerms],
        ) -> Callable[[Args, Asked], CloseTerms]:
            for name in names:
                self._add(
                    ClosingApi(
                        name=name,
                        args=args,
                        terms=terms,
                        answer=answer,
                        permission=permission,
                        refuse=refuse,
                    )
                )
            return terms

        return declare

    def query(
        self,
        *names: str,
        args: type[Args],
        permission: Permission = Permission.READ,
        read_only: bool = True,
        refuse: Callable[[InvalidRequest], Data] = refuse_plainly,
    ) -> Callable[[Callable[[Args, Asked], Ask]], Callable[[Args, Asked], Ask]]:
        """Declare any other api; further names are aliases."""

        def declare(ask: Callable[[Args, Asked], Ask]) -> Callable[[Args, Asked], Ask]:
            for name in names:
                self._add(
                    QueryApi(
                        name=name,
                        args=args,
                        ask=ask,
                        permission=permission,
                        read_only=read_only,
                        refuse=refuse,
                    )
                )
            return ask

        return declare

    def _add(self, api: Api) -> None:
        assert api.name not in self._apis, f"{api.name} is declared twice"
        self._apis[api.name] = api
