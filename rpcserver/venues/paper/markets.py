"""
When markets trade and where their prices go: phases, sessions, bands, steps, the day's roll.

By default every market is always open, so that a demo works at any hour; with *sessions* each
keeps its calendar. A phase set by command goes before both.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import Market as MarketReading
from rpcserver.domain.market import MarketPhase, Quote, Session
from rpcserver.domain.order import ZERO, OrderStatus, RejectReason, TimeInForce
from rpcserver.driver.ports import MarketMoved, VenueEvent
from rpcserver.venues.paper import prices
from rpcserver.venues.paper.calendars import session_around, trading_date
from rpcserver.venues.paper.commands import SetBands, SetDepth, SetPhase, SetPrice
from rpcserver.venues.paper.contracts import Calendar, Contract
from rpcserver.venues.paper.execution import Execution
from rpcserver.venues.paper.positions import carried_forward
from rpcserver.venues.paper.prices import Market
from rpcserver.venues.paper.state import State


class Markets:
    """Every market of the exchange; tells what happened by appending to `happened`."""

    def __init__(
        self, state: State, execution: Execution, happened: list[VenueEvent], *, sessions: bool
    ) -> None:
        self._state = state
        self._execution = execution
        self._happened = happened
        self._sessions = sessions
        self._sessions_found: dict[Calendar, Session] = {}
        self._was_open: dict[Calendar, bool] = {}

    # --- reading ---------------------------------------------------------------------------------

    def named(self, instrument: InstrumentId) -> Market:
        """
        The market of *instrument*.

        Raises:
            OrderRefused: `UNKNOWN_INSTRUMENT`.
        """
        market = self._state.markets.get(instrument)
        if market is None:
            raise OrderRefused(RejectReason.UNKNOWN_INSTRUMENT, f"{instrument} is not listed")
        return market

    def phase(self, market: Market, now: datetime) -> MarketPhase:
        if market.ordered_phase is not None:
            return market.ordered_phase
        if not self._sessions or self._session(market.contract.calendar, now).is_open:
            return MarketPhase.OPEN
        return MarketPhase.CLOSED

    def session(self, market: Market, now: datetime) -> Session:
        """The session a market keeps: a day without end where sessions are off."""
        return self._session(market.contract.calendar if self._sessions else Calendar.ALWAYS, now)

    def reading(self, market: Market, now: datetime) -> MarketReading:
        phase = self.phase(market, now)
        changes_at = None
        if self._sessions and market.ordered_phase is None:
            session = self._session(market.contract.calendar, now)
            changes_at = session.ends_at if session.is_open else session.starts_at
        return MarketReading(
            instrument=market.contract.instrument_id,
            phase=phase,
            bid=market.bid,
            ask=market.ask,
            lower_band=market.lower_band,
            upper_band=market.upper_band,
            changes_at=changes_at,
        )

    def quote(self, market: Market, now: datetime) -> Quote:
        return market.quote(now, is_open=self.phase(market, now) is MarketPhase.OPEN)

    # --- setting ---------------------------------------------------------------------------------

    def list_contracts(self, contracts: Iterable[Contract]) -> None:
        for contract in contracts:
            if contract.instrument_id not in self._state.markets:
                self._state.add_market(prices.new_market(contract))

    def set_phase(self, command: SetPhase, now: datetime) -> None:
        if command.instrument is None:
            markets = tuple(self._state.markets.values())
        else:
            markets = (self.named(command.instrument),)
        for market in markets:
            before = self.phase(market, now)
            market.ordered_phase = command.phase
            if self.phase(market, now) is not before:
                self._changed(market, now)
                self._work(market, now)

    def set_bands(self, command: SetBands, now: datetime) -> None:
        market = self.named(command.instrument)
        market.lower_band, market.upper_band = command.lower, command.upper
        self._changed(market, now)

    def set_depth(self, command: SetDepth, now: datetime) -> None:
        market = self.named(command.instrument)
        market.touch = command.touch
        self._changed(market, now)
        self._work(market, now)

    def set_price(self, command: SetPrice, now: datetime) -> None:
        market = self.named(command.instrument)
        market.move_to(prices.in_ticks(market.contract, command.price))
        market.anchor = market.middle
        self._changed(market, now)
        self._work(market, now)

    # --- time ------------------------------------------------------------------------------------

    def move_prices(self, now: datetime) -> None:
        moves = self._state.walk.moves()
        for market, number in zip(self._state.markets.values(), moves, strict=False):
            if self.phase(market, now) is MarketPhase.OPEN:
                prices.walk(market, number)
        for instrument in self._state.working.instruments():
            self._work(self._state.markets[instrument], now)

    def pass_time(self, now: datetime) -> None:
        if self._sessions:
            for calendar in Calendar:
                self._open_or_close(calendar, now)
        for calendar in Calendar:
            self._roll_if_due(calendar, now)

    def _open_or_close(self, calendar: Calendar, now: datetime) -> None:
        is_open = self._session(calendar, now).is_open
        if self._was_open.setdefault(calendar, is_open) is is_open:
            return
        self._was_open[calendar] = is_open
        for market in self._state.markets.values():
            if market.contract.calendar is calendar and market.ordered_phase is None:
                self._happened.append(MarketMoved(self.reading(market, now)))
                self._work(market, now)

    def _roll_if_due(self, calendar: Calendar, now: datetime) -> None:
        """Begin a new trading day: day orders end, positions are carried forward."""
        today = trading_date(calendar, now)
        if self._state.days.setdefault(calendar, today) == today:
            return
        self._state.days[calendar] = today
        keeps = {
            instrument
            for instrument, market in self._state.markets.items()
            if market.contract.calendar is calendar
        }
        for order in self._state.working:
            is_day = order.report.time_in_force is TimeInForce.DAY
            if is_day and order.report.instrument in keeps and order.day < today:
                self._execution.end(order, OrderStatus.EXPIRED, now, "the day is over")
        for account, positions in self._state.positions.items():
            for slot, position in tuple(positions.items()):
                if slot.instrument in keeps:
                    self._state.set_position(account, slot, carried_forward(position))
        for record in self._state.accounts.values():
            if record.calendar is calendar:
                record.day, record.realized, record.fees = today, ZERO, ZERO
                self._state.touched.accounts.add(record.account)
        for instrument in keeps:
            self._state.markets[instrument].roll_day()

    def _session(self, calendar: Calendar, now: datetime) -> Session:
        found = self._sessions_found.get(calendar)
        if found is None or not _still_holds(found, now):
            found = self._sessions_found[calendar] = session_around(calendar, now)
        return found

    def _changed(self, market: Market, now: datetime) -> None:
        self._state.touched.markets.add(market.contract.instrument_id)
        self._happened.append(MarketMoved(self.reading(market, now)))

    def _work(self, market: Market, now: datetime) -> None:
        phase = self.phase(market, now)
        for order in self._state.working.of_instrument(market.contract.instrument_id):
            self._execution.work(order, phase, now)


def _still_holds(session: Session, now: datetime) -> bool:
    """Whether a session found earlier is still the one around *now*."""
    return session.is_open and session.starts_at <= now < session.ends_at
