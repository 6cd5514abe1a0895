"""What the paper venue lists."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.instrument import ProductGroup
from rpcserver.domain.naming import InstrumentNames
from rpcserver.venues.paper.contracts import listed_contracts, synthetic_contracts

TODAY = date(2026, 11, 21)
LISTED = {contract.instrument_id: contract for contract in listed_contracts(TODAY)}


@pytest.mark.parametrize(
    ("root", "point_value"),
    [("ES", 50), ("MES", 5), ("NQ", 20), ("MNQ", 2), ("CL", 1000), ("GC", 100)],
)
def test_a_future_has_its_real_point_value_in_every_month(root: str, point_value: int) -> None:
    months = [each for each in LISTED.values() if each.instrument.root == root]

    assert {InstrumentId(f"{root} 12-25"), InstrumentId(f"{root} 03-26")} <= LISTED.keys()
    assert len(months) >= 4
    assert {month.instrument.point_value for month in months} == {point_value}
    assert all(month.price % month.instrument.tick == 0 for month in months)


@pytest.mark.parametrize("today", [date(2025, 10, 1), date(2026, 11, 21), date(2031, 12, 31)])
@pytest.mark.parametrize("root", ["ES", "CL", "GC"])
def test_there_is_a_front_month_on_every_day(today: date, root: str) -> None:
    names = InstrumentNames(contract.instrument for contract in listed_contracts(today))

    front = names.one(f"{root}1!", today)

    assert front is not None
    assert front.expiry is not None
    assert today <= front.expiry
    assert (front.expiry - today).days < 100


def test_a_future_expires_where_its_exchange_says() -> None:
    expiries = {name: each.instrument.expiry for name, each in LISTED.items()}

    assert expiries[InstrumentId("ES 12-25")] == date(2025, 12, 19)
    assert expiries[InstrumentId("ES 03-26")] == date(2026, 3, 20)
    assert expiries[InstrumentId("CL 12-25")] == date(2025, 11, 20)
    assert expiries[InstrumentId("GC 12-25")] == date(2025, 12, 29)


def test_the_many_names_of_a_contract_name_it() -> None:
    names = InstrumentNames(contract.instrument for contract in LISTED.values())

    for spelling in ("ES 12-25", "esz25", "ESZ5", "ES DEC25", "ES 12-2025"):
        found = names.one(spelling, TODAY)
        assert found is not None
        assert found.instrument_id == "ES 12-25"


def test_the_seeds_shares_options_and_coins_are_listed() -> None:
    infy = LISTED[InstrumentId("NSE:INFY")].instrument
    option = LISTED[InstrumentId("NSE:NIFTY25DEC24000CE")].instrument
    swap = LISTED[InstrumentId("BTC-USD-SWAP")].instrument

    assert (infy.series, infy.currency, infy.scrip_token) == ("EQ", "INR", 1594)
    assert (option.option_right, option.lot) == ("CE", Decimal(65))
    assert option.strike == 24000
    assert option.maximum == 1755
    assert (swap.product_group, swap.inverse) == (ProductGroup.SWAP, True)
    assert LISTED[InstrumentId("BTC-USDT")].instrument.product_group is ProductGroup.SPOT
    assert LISTED[InstrumentId("BTC-USDT-SWAP")].instrument.product_group is ProductGroup.SWAP_U
    assert LISTED[InstrumentId("ETH/USDT")].instrument.base == "ETH"


def test_no_name_names_two_contracts() -> None:
    spellings = [
        name
        for contract in LISTED.values()
        for name in (contract.instrument_id.upper(), *contract.instrument.aliases)
    ]

    assert len(spellings) == len(set(spellings))


def test_there_are_as_many_synthetic_contracts_as_wanted() -> None:
    contracts = synthetic_contracts(10_000)

    assert (contracts[0].instrument_id, contracts[-1].instrument_id) == ("SYN00001", "SYN10000")


@pytest.mark.parametrize(
    ("instrument", "quantity", "entry", "exit_", "profit"),
    [
        ("ES 12-25", "-2", "5780.125", "5774.0", "612.5"),  # the seed's own example
        ("MES 12-25", "3", "5774.00", "5764.00", "-150"),
        ("BTC-USDT-SWAP", "100", "50000", "51000", "100"),
        ("BTC-USD-SWAP", "10000", "50000", "40000", "-0.05"),
        ("BTC-USD-SWAP", "-10000", "50000", "40000", "0.05"),
        ("NSE:INFY", "100", "1538.40", "1550.00", "1160"),
    ],
)
def test_profit_is_counted_by_the_contract(
    instrument: str, quantity: str, entry: str, exit_: str, profit: str
) -> None:
    contract = LISTED[InstrumentId(instrument)]

    earned = contract.profit(Decimal(quantity), Decimal(entry), Decimal(exit_))

    assert earned == Decimal(profit)
