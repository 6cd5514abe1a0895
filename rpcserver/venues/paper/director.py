"""
Carries out what the author of a rehearsal asks for: names are resolved and checked first, so that
a mistyped account is an error, and not a fault that waits for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from rpcserver.domain.account import PositionMode
from rpcserver.domain.errors import InvalidRequest, RpcServerError
from rpcserver.domain.ids import AccountId, InstrumentId, Product, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentNames
from rpcserver.domain.order import Holding, OrderReport
from rpcserver.domain.position import Position
from rpcserver.venues.paper import commands, control, readings
from rpcserver.venues.paper.control import Answer, ControlFrame, ListedFault
from rpcserver.venues.paper.faults import Armed, ClearFaults, CutLink, Fault
from rpcserver.venues.paper.forecast import KINDS, SetWeather
from rpcserver.venues.paper.script import ScriptError, fault_of, table_of
from rpcserver.venues.paper.state import AccountRecord
from rpcserver.venues.paper.venue import Control, PaperVenue


class Director:
    """Sets the scene of one venue."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue

    async def answer(self, text: str) -> Answer:
        """Carry out one control frame, and tell what came of it. Nothing is raised."""
        try:
            frame = control.decode_control(text)
        except InvalidRequest as exc:
            return _refusal(control.id_of(text), exc.code, exc.detail)
        try:
            answer = await self._perform(frame)
        except InvalidRequest as exc:
            return _refusal(frame.id, exc.code, exc.detail)
        except ScriptError as exc:
            return _refusal(frame.id, "invalid_argument", str(exc))
        except RpcServerError as exc:
            return _refusal(frame.id, "refused", str(exc))
        return msgspec.structs.replace(answer, id=frame.id)

    async def arm(self, fault: Fault) -> None:
        """
        Put *fault* in force, once it is known whom it means.

        Raises:
            InvalidRequest: Its account or instrument does not exist, or its name is taken.
        """
        if any(each.name == fault.name and not each.is_over for each in self._venue.faults()):
            raise InvalidRequest("name_taken", f"a fault called {fault.name} is in force: clear it")
        if fault.account is not None:
            self._account(fault.account)
        if fault.instrument is not None:
            meant = self._one_or_root(fault.instrument)
            fault = msgspec.structs.replace(fault, instrument=meant)
        await self._venue.control(fault)

    async def set_weather(self, weather: SetWeather) -> None:
        """
        Let faults be drawn from now on.

        Raises:
            InvalidRequest: There is no such kind of fault.
        """
        if strangers := [kind for kind in weather.kinds if kind not in KINDS]:
            detail = f"kinds: expected some of {', '.join(KINDS)}; got {strangers[0]!r}"
            raise InvalidRequest("invalid_argument", detail)
        await self._venue.control(weather)

    async def _perform(self, frame: ControlFrame) -> Answer:
        match frame:
            case control.Arm(name=name, fault=table):
                await self.arm(fault_of(name, table))
            case control.List():
                return _done(faults=tuple(_listed(each) for each in self._venue.faults()))
            case control.Clear(name=name):
                await self._clear(name)
            case control.Weather(seed=seed, rate=rate, kinds=kinds):
                await self.set_weather(SetWeather(seed=seed, rate=rate, kinds=kinds))
            case control.Cut(seconds=seconds):
                await self._venue.control(CutLink(seconds=seconds))
            case control.Show(account=account):
                return self._show(self._account(account).account)
            case _:
                for command in self._commands(frame):
                    await self._venue.control(command)
        return _done()

    def _commands(
        self,
        frame: control.Phase
        | control.Depth
        | control.Price
        | control.Bands
        | control.OpenAccount
        | control.OpenPosition
        | control.Trade
        | control.Fill,
    ) -> Iterable[Control]:
        """What the frame is to the exchange; everything in it is checked before the first."""
        match frame:
            case control.Phase(instrument=asked, phase=phase):
                return [
                    commands.SetPhase(instrument=each, phase=phase) for each in self._all(asked)
                ]
            case control.Depth(instrument=asked, touch=touch):
                _expect("touch", touch is None or touch >= 0, "0 or more, or null")
                return [
                    commands.SetDepth(instrument=each, touch=touch) for each in self._all(asked)
                ]
            case control.Price(instrument=asked, price=price):
                _expect("price", price > 0, "above 0")
                name = self._one(asked).instrument_id
                return [commands.SetPrice(instrument=name, price=price)]
            case control.Bands(instrument=asked, lower=lower, upper=upper):
                sound = lower is None or upper is None or lower <= upper
                _expect("lower", sound, "not above upper")
                name = self._one(asked).instrument_id
                return [commands.SetBands(instrument=name, lower=lower, upper=upper)]
            case control.OpenAccount():
                return [self._open_account(frame)]
            case control.OpenPosition():
                return [self._open_position(frame)]
            case control.Trade():
                return [self._trade(frame)]
            case control.Fill():
                return [self._fill(frame)]
            case _:
                assert_never(frame)

    async def _clear(self, name: str | None) -> None:
        armed = [each.name for each in self._venue.faults() if not each.is_over]
        if name is not None and name not in armed:
            known = f"in force: {', '.join(armed)}" if armed else "none is in force"
            raise InvalidRequest("unknown_fault", f"there is no fault called {name}; {known}")
        await self._venue.control(ClearFaults(name))

    def _show(self, account: AccountId) -> Answer:
        state = self._venue.exchange.state
        return _done(
            positions=tuple(_position(each) for each in readings.positions(state, account)),
            orders=tuple(_order(each) for each in readings.working_orders(state, account)),
        )

    # --- commands --------------------------------------------------------------------------------

    def _open_account(self, frame: control.OpenAccount) -> commands.OpenAccount:
        if frame.account in self._venue.exchange.state.accounts:
            raise InvalidRequest("name_taken", f"account: {frame.account} exists already")
        _expect("cash", frame.cash >= 0, "0 or more")
        return commands.OpenAccount(
            account=AccountId(frame.account),
            user_id=frame.user_id,
            mode=frame.mode,
            currency=frame.currency,
            cash=frame.cash,
        )

    def _open_position(self, frame: control.OpenPosition) -> commands.OpenPosition:
        account, instrument = self._account(frame.account), self._one(frame.instrument)
        lot = instrument.lot
        sound = frame.quantity != 0 and not frame.quantity % lot
        _expect("quantity", sound, f"a multiple of {lot}, not 0, negative for short")
        _expect("average_price", frame.average_price > 0, "above 0")
        is_spot = instrument.base is not None
        _expect("quantity", frame.quantity > 0 or not is_spot, "above 0: coins cannot be short")
        holding = Holding.NET
        if _is_sided(account, instrument):
            holding = Holding.LONG if frame.quantity > 0 else Holding.SHORT
        return commands.OpenPosition(
            account=account.account,
            instrument=instrument.instrument_id,
            quantity=frame.quantity,
            average_price=frame.average_price,
            holding=holding,
            product=_product(account, frame.product),
            tag=frame.tag,
            carried=frame.carried,
        )

    def _trade(self, frame: control.Trade) -> commands.TradeAsOther:
        account, instrument = self._account(frame.account), self._one(frame.instrument)
        sound = frame.quantity > 0 and not frame.quantity % instrument.lot
        _expect("quantity", sound, f"a multiple of {instrument.lot}, above 0")
        _expect("price", frame.price is None or frame.price > 0, "above 0")
        _check_holding(account, instrument, frame.holding)
        return commands.TradeAsOther(
            account=account.account,
            instrument=instrument.instrument_id,
            side=frame.side,
            quantity=frame.quantity,
            price=frame.price,
            holding=frame.holding,
            product=_product(account, frame.product),
        )

    def _fill(self, frame: control.Fill) -> commands.FillOrder:
        account = self._account(frame.account).account
        name = VenueOrderId(frame.order_id)
        order = self._venue.exchange.find_order(account, venue_order_id=name)
        if order is None:
            raise InvalidRequest("unknown_order", f"order_id: {account} has no order {name}")
        if frame.quantity is not None:
            lot = self._venue.exchange.state.markets[
                order.report.instrument
            ].contract.instrument.lot
            sound = frame.quantity > 0 and not frame.quantity % lot
            _expect("quantity", sound, f"a multiple of {lot}, above 0")
        _expect("price", frame.price is None or frame.price > 0, "above 0")
        return commands.FillOrder(
            account=account, venue_order_id=name, quantity=frame.quantity, price=frame.price
        )

    # --- names -----------------------------------------------------------------------------------

    def _account(self, asked: str) -> AccountRecord:
        accounts = self._venue.exchange.state.accounts
        if (record := accounts.get(AccountId(asked))) is None:
            known = ", ".join(sorted(accounts)[:20])
            raise InvalidRequest(
                "unknown_account", f"account: expected one of {known}; got {asked}"
            )
        return record

    def _names(self) -> InstrumentNames:
        markets = self._venue.exchange.state.markets.values()
        return InstrumentNames(market.contract.instrument for market in markets)

    def _one(self, asked: str) -> Instrument:
        """The one instrument of that name; a root names as many as it has expiries."""
        if (selector := self._names().selector(asked)) is None:
            raise _unknown(asked)
        found = [each for each in self._instruments() if selector.matches(each)]
        if len(found) > 1:
            named = ", ".join(each.instrument_id for each in found)
            raise InvalidRequest("ambiguous_instrument", f"instrument: {asked} is any of {named}")
        return found[0]

    def _all(self, asked: str) -> list[InstrumentId]:
        if asked == control.EVERY:
            return [each.instrument_id for each in self._instruments()]
        if (selector := self._names().selector(asked)) is None:
            raise _unknown(asked)
        return [each.instrument_id for each in self._instruments() if selector.matches(each)]

    def _one_or_root(self, asked: str) -> InstrumentId:
        """As a fault names it: the canonical name, or the root alone."""
        if (selector := self._names().selector(asked)) is None:
            raise _unknown(asked)
        return selector.exact or InstrumentId(selector.root or asked)

    def _instruments(self) -> list[Instrument]:
        return [each.contract.instrument for each in self._venue.exchange.state.markets.values()]


def _expect(key: str, is_so: bool, expected: str) -> None:
    if not is_so:
        raise InvalidRequest("invalid_argument", f"{key}: expected {expected}")


def _unknown(asked: str) -> InvalidRequest:
    return InvalidRequest("unknown_instrument", f"instrument: {asked} is not listed")


def _check_holding(account: AccountRecord, instrument: Instrument, holding: Holding) -> None:
    sided = _is_sided(account, instrument)
    expected = "long or short: the account holds both" if sided else "net"
    _expect("holding", sided is (holding is not Holding.NET), expected)


def _is_sided(account: AccountRecord, instrument: Instrument) -> bool:
    """Whether the account holds a long and a short side of it, each by itself."""
    return account.mode is PositionMode.HEDGE and instrument.base is None


def _product(account: AccountRecord, asked: str) -> Product:
    if not asked and account.products:
        return account.products[0]
    known = ", ".join(account.products) or "none: the account knows no product types"
    _expect("product", not asked or asked in account.products, known)
    return Product(asked)


# --- answers -------------------------------------------------------------------------------------


def _done(**told: Any) -> Answer:
    return Answer(ok=True, **told)


def _refusal(name: str | int | None, code: str, detail: str) -> Answer:
    return Answer(id=name, ok=False, error=code, detail=detail)


def _listed(armed: Armed) -> ListedFault:
    table = table_of(armed.fault)
    return ListedFault(name=armed.name, fault=table, met=armed.met, over=armed.is_over)


def _position(position: Position) -> control.ShownPosition:
    return control.ShownPosition(
        instrument=position.instrument,
        quantity=position.signed_quantity,
        average_price=position.average_price,
        holding=position.holding.value,
        product=position.product,
    )


def _order(report: OrderReport) -> control.ShownOrder:
    return control.ShownOrder(
        order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        instrument=report.instrument,
        side=report.side.value,
        type=report.type.value,
        quantity=report.quantity,
        filled=report.filled,
        reduce_only=report.reduce_only,
        cancel_pending=report.cancel_pending,
    )
