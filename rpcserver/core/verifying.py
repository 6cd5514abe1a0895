"""
Reading accounts to verify: one reading serves every lane of the account that waits for one.

A reading proves something about a lane only if it was *issued* after the lane last changed
(law 18). It may lower what is sent at once; it raises it only after the trades were asked for and
it repeats unchanged after the venue's settle time (law 40).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rpcserver.core.asking import cancel
from rpcserver.core.commands import QueryTrades, ReadAccount
from rpcserver.core.decision import Pen
from rpcserver.core.ending import strangers
from rpcserver.core.ledger import is_told_less, lowered, own_remaining, position
from rpcserver.core.orders import find_order, settle_report, stranger_appeared
from rpcserver.core.passing import (
    AccountArmed,
    CeilingLowered,
    OrderMissed,
    PositionDoubted,
    PositionRead,
    ReadEnded,
    ReadStarted,
    TradesAsked,
)
from rpcserver.core.records import PositionAdopted
from rpcserver.core.state import Lane, OrderState
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.order import ZERO, OrderReport
from rpcserver.domain.position import PositionKey

PATIENCE_PER_LANE = 0.0002  # seconds a reading waits for each lane that may want it too
PATIENCE_MAX = 0.25
TRADES_RETRY = 1.0  # seconds before trades that were not told are asked for again
RETRY = 0.25  # seconds after a failed reading, doubling
RETRY_MAX = 2.0


def want_read(pen: Pen, lane: Lane) -> float | None:
    """See to it that the lane's account is read, by a reading issued after now. Answers None."""
    account = lane.key.account_ref
    state = pen.draft.account(account)
    if state.reading or state.wake is not None:
        return None  # every lane of the account is looked at when it comes back
    lanes = len(pen.draft.lanes_of(account))
    if lanes <= 1:
        start_read(pen, account)
    else:
        patience = min(lanes * PATIENCE_PER_LANE + 0.002, PATIENCE_MAX)
        pen.write(AccountArmed(account, pen.now.mono + patience))
    return None


def start_read(pen: Pen, account: AccountRef) -> None:
    """Read the account, to verify."""
    pen.write(ReadStarted(account, None, pen.now.mono))
    pen.order(ReadAccount(account=account, operation_id=None, markets=False))


def read_failed(pen: Pen, account: AccountRef) -> None:
    """A failed read says nothing about any position. It is tried again."""
    pen.write(ReadEnded(account, None, True))
    if pen.draft.lanes_of(account):
        failures = pen.draft.account(account).failures
        delay = min(RETRY * 2 ** min(failures - 1, 5), RETRY_MAX)
        pen.write(AccountArmed(account, pen.now.mono + delay))


def read_arrived(pen: Pen, snapshot: AccountSnapshot) -> list[PositionKey]:
    """Hold a reading against the ledger of each lane; the lanes that it may have moved on."""
    account = snapshot.account
    issued = pen.draft.account(account).issued
    pen.write(ReadEnded(account, None, False))
    held = {position.key: position.signed_quantity for position in snapshot.positions}
    working: dict[PositionKey, list[OrderReport]] = {}
    for order in snapshot.orders:
        key = PositionKey(
            account.venue, account.account, order.instrument, order.holding, order.product
        )
        working.setdefault(key, []).append(order)
    moved = []
    for key in pen.draft.lanes_of(account):
        lane = pen.draft.find_lane(key)
        if lane is None:
            continue
        read = held.get(key, ZERO)
        if lane.changed >= issued:
            if not lane.own_live:
                moved.append(key)  # it wants another reading
            continue
        moved.append(key)
        if lane.heard_turn < issued or lane.told == read:
            _compare(pen, key, read, working.get(key, []), snapshot)
        elif read * lane.sign < position(lane):
            # The stream said otherwise meanwhile: which of them is older the next reading tells.
            pen.write(CeilingLowered(key, lowered(lane, read)))
    return moved


def overhear(pen: Pen, snapshot: AccountSnapshot) -> None:
    """
    What an operation's first reading tells the lanes that others work in already.

    It proves nothing there, for nobody knows what it lags; but it may lower what is sent at once.
    """
    account = snapshot.account
    held = {position.key: position.signed_quantity for position in snapshot.positions}
    for report in snapshot.orders:
        lane_key, order = find_order(pen, account, report.client_order_id, report.venue_order_id)
        if order is None:
            stranger_appeared(pen, account, report)
        elif lane_key is not None:
            settle_report(pen, account, lane_key, order, report)
    for key in pen.draft.lanes_of(account):
        lane = pen.draft.find_lane(key)
        if lane is None:
            continue
        read = held.get(key, ZERO)
        if read * lane.sign < position(lane):
            pen.write(CeilingLowered(key, lowered(lane, read)))


def _compare(
    pen: Pen,
    key: PositionKey,
    read: Decimal,
    working: list[OrderReport],
    snapshot: AccountSnapshot,
) -> None:
    lane = pen.draft.lane(key)
    if _hear_of_orders(pen, lane, working):
        return
    if lane.in_play and (read != lane.expected or is_told_less(lane)):
        # What lives may have filled without our having heard: no ground for doubt, but enough
        # to send no more than this.
        if read * lane.sign < abs(lane.expected):
            pen.write(CeilingLowered(key, lowered(lane, read)))
        if read * lane.sign < own_remaining(lane):
            for order in lane.own_live:
                cancel(pen, lane, order, "too_large")  # its own fills do not explain it (law 14)
        if not lane.stale:
            return
    doubt = lane.doubt
    settle = pen.capabilities(key.venue).position_settle
    repeats = (
        doubt is not None
        and doubt.quantity == read
        and doubt.trades_read
        and pen.draft.account(key.account_ref).started_at >= doubt.since + settle
    )
    waits = doubt is not None and doubt.quantity == read
    if read == lane.expected and (repeats or not (waits or is_told_less(lane))):
        pen.write(PositionRead(key, snapshot.taken_at))
        return
    if doubt is None or doubt.quantity != read:
        pen.write(PositionDoubted(key, read, pen.now.mono))
        ask_for_trades(pen, pen.draft.lane(key))
    elif repeats:
        expected = lane.expected
        pen.write(
            PositionAdopted(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=pen.concerns(lane),
                lane=key,
                expected=expected,
                quantity=read,
                taken_at=snapshot.taken_at,
            )
        )
        pen.alert(
            "foreign_change",
            f"{key.instrument} in {key.account}: {expected} became {read}",
            lane=lane,
        )


def ask_for_trades(pen: Pen, lane: Lane) -> None:
    """Ask what could explain the lane's doubt, unless another of the account's has just asked."""
    assert lane.doubt is not None
    account, since = lane.key.account_ref, _trades_since(pen, lane)
    state = pen.draft.account(account)
    is_fresh = state.trades_asked >= max(lane.doubt.since, pen.now.mono - TRADES_RETRY / 2)
    if is_fresh and state.trades_since is not None and state.trades_since <= since:
        return  # every lane of the account is looked at when the answer comes
    pen.write(TradesAsked(account, since, pen.now.mono))
    pen.order(QueryTrades(account=account, since=since))


def _trades_since(pen: Pen, lane: Lane) -> datetime:
    """From when on trades could explain the position: the opening of whoever works, or worked."""
    owners = {operation_id for operation_id, _ in lane.legs}
    owners |= {o.operation_id for o in lane.orders.values() if o.operation_id is not None}
    opened = [
        operation.opened_at
        for operation_id in owners
        if (operation := pen.draft.find_operation(operation_id)) is not None
    ]
    return min(opened, default=pen.now.wall)


def _hear_of_orders(pen: Pen, lane: Lane, working: list[OrderReport]) -> bool:
    """
    Hold the working orders of a reading against the ledger; whether anything is to be found out.

    An order that was thought to work and is not listed may have filled, and the positions of the
    same reading may lag that: nothing is concluded from them before it has been asked about.
    """
    account = lane.key.account_ref
    told = False
    for report in working:
        _, order = find_order(pen, account, report.client_order_id, report.venue_order_id)
        if order is not None:
            told |= settle_report(pen, account, lane.key, order, report)
        elif lane.legs:  # whose it is, and whether it is in the way or not: it counts (law 2)
            stranger_appeared(pen, account, report)
    listed = {report.venue_order_id for report in working}
    for order in strangers(lane):
        if order.state is OrderState.LIVE and order.venue_order_id not in listed:
            pen.write(OrderMissed(lane.key, order.key, pen.now.mono))
            told = True
    return told
