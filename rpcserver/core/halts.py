"""
Halts: which orders they refuse, which they cancel, and what they close.

A halt never blocks an exit (law 10): operations are not looked at here at all, and a client's own
order passes where it can only reduce, by the same reckoning as the reservation of a lane (law 2):
everything that works on its side, with it, takes off no more than is held. What cannot be told is
not assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import msgspec

from rpcserver.core.commands import Admission
from rpcserver.core.decision import Admitted, Pen, Refused
from rpcserver.core.events import OrderRequested
from rpcserver.core.ledger import intended_by, is_harmless, of_report, taken_off
from rpcserver.core.requests import CloseRequest, PlaceRequest, Scope
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.core.state import LedgerOrder, State
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, ReduceOnly
from rpcserver.domain.directive import Halt, HaltScope
from rpcserver.domain.ids import AccountRef, DirectiveName, InstrumentId, TokenId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, OrderReport, OrderRequest, OrderSide
from rpcserver.domain.position import PositionKey


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the working orders that could open risk."""

    canceled: tuple[VenueOrderId, ...] = ()  # proven
    unproven: tuple[VenueOrderId, ...] = ()  # a cancel was sent, and its end is not known yet
    left: tuple[VenueOrderId, ...] = ()  # they work on: the level cancels nothing
    unread: tuple[AccountRef, ...] = ()  # what works there is not known


class Halted(msgspec.Struct, frozen=True, kw_only=True):
    """A halt that stands, what it closes, and what it canceled."""

    halt: DirectiveSet
    closing: Admitted | None
    swept: Swept


BY_HALT = TokenId("halt")  # whose word an operation is that a halt opened
CLOSING_DEADLINE = timedelta(seconds=60)


def halts_of(directives: Mapping[DirectiveName, DirectiveSet]) -> Iterator[tuple[Halt, Word]]:
    """Every halt that stands, and whose word it is."""
    for record in directives.values():
        if isinstance(record.directive, Halt):
            word = Word(principal=record.principal, reason=record.reason, remote=record.remote)
            yield record.directive, word


def halt_on(
    directives: Mapping[DirectiveName, DirectiveSet],
    request: PlaceRequest,
    instrument: Instrument | None,
) -> tuple[Halt, Word] | None:
    """The halt that covers an order somebody wants to place, the oldest if there are several."""
    return next(_halts_on(directives, request, instrument), None)


def _halts_on(
    directives: Mapping[DirectiveName, DirectiveSet],
    request: PlaceRequest,
    instrument: Instrument | None,
) -> Iterator[tuple[Halt, Word]]:
    order = request.order
    for halt, word in halts_of(directives):
        if halt.scope.covers_order(
            request.account, order.instrument, instrument, order.tag, request.principal
        ):
            yield halt, word


# --- which orders are refused ------------------------------------------------------------------


def admission(pen: Pen, event: OrderRequested) -> Admission:
    """What an order is let in as that no halt refuses."""
    halts = _halts_on(pen.draft.directives, event.request, event.instrument)
    return Admission(
        request=event.request,
        instrument=event.instrument,
        halts=frozenset(halt.name for halt, _ in halts),
    )


def halted_since(state: State, admitted: Admission, order: OrderRequest) -> str | None:
    """
    Why *order* must not leave any more: new risk was halted after it was let in. None: it may.

    There is no reading to tell by here: what passes is reduce-only at a venue that means it.
    """
    told = state.venues.get(admitted.request.account.venue)
    if is_harmless(intended_by(order), told.capabilities if told is not None else Capabilities()):
        return None
    for halt, word in _halts_on(state.directives, admitted.request, admitted.instrument):
        if halt.name not in admitted.halts:
            return _because(halt, word, "it came while the order waited to leave")
    return None


def refused_by_halt(pen: Pen, event: OrderRequested) -> Refused | None:
    """Why an order is refused, if it is halted and cannot be told to reduce only."""
    found = halt_on(pen.draft.directives, event.request, event.instrument)
    if found is None:
        return None
    why_not = _may_open_risk(pen, event)
    if why_not is None:
        return None
    return Refused("halted", _because(*found, why_not))


def _because(halt: Halt, word: Word, why: str) -> str:
    return f"{halt.halt_id} of {halt.scope}, by {word.principal}: {word.reason}; {why}"


def reducing_only(pen: Pen, event: OrderRequested) -> OrderRequest:
    """The order as it is sent: in a halt with the venue's own belt on, where there is one."""
    order = event.request.order
    if halt_on(pen.draft.directives, event.request, event.instrument) is None:
        return order
    if pen.capabilities(event.request.account.venue).reduce_only is ReduceOnly.NONE:
        return order
    return msgspec.structs.replace(order, reduce_only=True)


def _may_open_risk(pen: Pen, event: OrderRequested) -> str | None:
    """Why the order cannot be told to reduce only; None: it can."""
    request = event.request
    capabilities = pen.capabilities(request.account.venue)
    own = intended_by(request.order)
    if is_harmless(own, capabilities):
        return None
    reading = event.reading
    if reading is None:
        return "the account was not read, so it cannot be told whether this order reduces"
    key = _key_of(request.account, request.order)
    since = event.read_at - capabilities.position_settle
    if pen.draft.recovered_at > since or key in pen.draft.traded_since(request.account, since):
        return "the position may have been traded a moment ago: ask again, or close it"
    held = _held(reading, key)
    if held == 0 or own.side is (OrderSide.BUY if held > 0 else OrderSide.SELL):
        return "the order does not reduce what is held"
    at_work = {order.key: order for order in _working(reading, key)}
    at_work |= _own_at_work(pen, key)
    at_work.pop(own.key, None)  # an order that is changed takes its own place
    room = abs(held) - taken_off((*at_work.values(), own), own.side, capabilities)
    return None if room >= 0 else "with what works already it takes off more than is held"


def _own_at_work(pen: Pen, key: PositionKey) -> dict[str, LedgerOrder]:
    """Clients' own orders on one position: a reading may not list those on their way."""
    return {
        name: order
        for name, order in pen.draft.loose.items()
        if order.request is not None
        and order.is_live
        and _key_of(pen.draft.loose_accounts[name], order.request) == key
    }


# --- which orders are canceled -----------------------------------------------------------------


def could_open(
    snapshot: AccountSnapshot,
    scope: HaltScope,
    own: Mapping[str, LedgerOrder],
    capabilities: Capabilities,
    *,
    exits: Collection[VenueOrderId] = (),
) -> tuple[OrderReport, ...]:
    """
    The working orders of an account that *scope* covers and that could open risk.

    *own*: clients' own orders by client order id: by them is known whose order is whose. *exits*:
    what operations close with, which is never canceled for a halt (law 10). Of the others that
    reduce, stops are kept first, as long as all of them take off no more than is held.
    """
    found: list[OrderReport] = []
    by_key: dict[PositionKey, list[OrderReport]] = {}
    for report in snapshot.orders:
        by_key.setdefault(_key_of(snapshot.account, report), []).append(report)
    for key, reports in by_key.items():
        kept = _kept(reports, _held(snapshot, key), capabilities, exits)
        instrument = snapshot.instruments.get(key.instrument)
        for report in reports:
            placed = own.get(report.client_order_id or "")
            user = placed.principal if placed is not None else None
            if report.venue_order_id not in kept and scope.covers_order(
                snapshot.account, report.instrument, instrument, report.tag, user
            ):
                found.append(report)
    return tuple(found)


def _kept(
    reports: Sequence[OrderReport],
    held: Decimal,
    capabilities: Capabilities,
    exits: Collection[VenueOrderId],
) -> frozenset[str]:
    """Those of one position's working orders that cannot open risk, whatever fills."""
    closing = OrderSide.SELL if held > 0 else OrderSide.BUY
    kept: dict[str, LedgerOrder] = {
        report.venue_order_id: of_report(report)
        for report in reports
        if report.venue_order_id in exits
    }
    stops_first = sorted(reports, key=lambda report: (report.stop_price is None, report.created_at))
    for report in stops_first:
        if report.venue_order_id in kept:
            continue
        order = of_report(report)
        if not is_harmless(order, capabilities):
            with_it = (*kept.values(), order)
            if order.side is not closing or taken_off(with_it, closing, capabilities) > abs(held):
                continue
        kept[report.venue_order_id] = order
    return frozenset(kept)


# --- what is closed ----------------------------------------------------------------------------


def closing_of(halt: Halt, accounts: Iterable[AccountRef], word: Word) -> CloseRequest:
    """
    The close that a halt of level `flatten_and_lock` opens, over those of *accounts* it covers.

    Its key is the halt's name: however often it is asked for, it is one operation (law 25).
    """
    scope = halt.scope
    covered = tuple(account for account in accounts if scope.covers_account(account))
    args: dict[str, object] = {"accounts": [str(account) for account in covered]}
    if scope.instrument is not None:
        args["instruments"] = [scope.instrument.asked]
    if scope.tag is not None:
        args["strategyTag"] = scope.tag
    digest = sha256(msgspec.json.encode([halt.name, args])).hexdigest()
    args["reason"] = f"{halt.halt_id}: {word.reason}"
    said = msgspec.json.encode(args).decode()
    return CloseRequest(
        api="Flatten",
        principal=word.principal,
        token_id=BY_HALT,
        request_id=halt.halt_id,
        idempotency_key=halt.name,
        digest=digest,
        args=said,
        remote=word.remote,
        grants=scope.grants,
        scope=Scope(
            accounts=covered,
            everything=scope.instrument is None and scope.tag is None,
            instruments=() if scope.instrument is None else (scope.instrument,),
            strategy_tag=scope.tag,
        ),
        reason=f"{halt.halt_id}: {word.reason}",
        deadline=CLOSING_DEADLINE.total_seconds(),
    )


# --- one position ------------------------------------------------------------------------------


def _held(snapshot: AccountSnapshot, key: PositionKey) -> Decimal:
    return sum((p.signed_quantity for p in snapshot.positions if p.key == key), ZERO)


def _working(snapshot: AccountSnapshot, key: PositionKey) -> Iterator[LedgerOrder]:
    for report in snapshot.orders:
        if _key_of(snapshot.account, report) == key:
            yield of_report(report)


def _key_of(account: AccountRef, order: OrderReport | OrderRequest) -> PositionKey:
    instrument: InstrumentId = order.instrument
    return PositionKey(account.venue, account.account, instrument, order.holding, order.product)
