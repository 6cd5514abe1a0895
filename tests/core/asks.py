"""Requests as the dialects would make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256

from rpcserver.core.requests import (
    Amount,
    CloseRequest,
    Dust,
    Execution,
    LadderStep,
    OnFence,
    Pnl,
    Rounding,
    Scope,
)
from rpcserver.domain.ids import AccountId, AccountRef, InstrumentId, PrincipalId, TokenId, VenueId
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.position import PositionSide


def account(name: str = "A", venue: str = "toy") -> AccountRef:
    return AccountRef(VenueId(venue), AccountId(name))


def root(name: str) -> InstrumentSelector:
    """Every expiry of one root."""
    return InstrumentSelector(asked=name, root=name)


def exactly(name: str) -> InstrumentSelector:
    return InstrumentSelector(asked=name, exact=InstrumentId(name))


def flatten(
    *accounts: AccountRef,
    instruments: Iterable[InstrumentSelector] = (),
    exclude: Iterable[InstrumentSelector] = (),
    everything: bool = False,
    side: PositionSide | None = None,
    tag: str | None = None,
    pnl: Pnl | None = None,
    oldest_only: bool = False,
    quantity: int | None = None,
    quantities: Mapping[str, int] | None = None,
    fraction: str | None = None,
    rounding: Rounding = Rounding.DOWN,
    limits: Mapping[str, str] | None = None,
    ladder: Iterable[LadderStep] = (),
    key: str | None = None,
    request_id: str = "r",
    principal: str = "ann",
    dry_run: bool = False,
    plan_hash: str | None = None,
    deadline: float = 60.0,
    on_fence: OnFence = OnFence.UNCONTESTED,
    wait_for_open: bool = False,
    dust: Dust = Dust.CLOSE,
) -> CloseRequest:
    """Close all of *accounts* ("toy:A" if none is named), but for what the filters say."""
    scope = Scope(
        accounts=accounts or (account(),),
        everything=everything,
        instruments=tuple(instruments),
        exclude=tuple(exclude),
        side=side,
        strategy_tag=tag,
        pnl=pnl,
        oldest_only=oldest_only,
    )
    amount = Amount(
        quantity=None if quantity is None else Decimal(quantity),
        quantities={InstrumentId(name): Decimal(each) for name, each in (quantities or {}).items()},
        fraction=None if fraction is None else Decimal(fraction),
        rounding=rounding,
    )
    execution = Execution(
        limit_prices={InstrumentId(name): Decimal(each) for name, each in (limits or {}).items()},
        ladder=tuple(ladder),
    )
    told = repr((scope, amount, execution, dry_run, plan_hash, on_fence, wait_for_open, dust))
    return CloseRequest(
        api="FlattenEverything" if everything else "Flatten",
        principal=PrincipalId(principal),
        token_id=TokenId(f"token-{principal}"),
        request_id=request_id,
        idempotency_key=key,
        digest=sha256(told.encode()).hexdigest(),
        args="{}",
        scope=scope,
        amount=amount,
        execution=execution,
        dry_run=dry_run,
        plan_hash=plan_hash,
        deadline=deadline,
        on_fence=on_fence,
        wait_for_open=wait_for_open,
        dust=dust,
    )
