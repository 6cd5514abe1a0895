from __future__ import annotations

import json
import re
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcserver.apis.catalogue import registry
from rpcserver.apis.numbers import checked, number, text
from rpcserver.apis.registry import ClosingApi, Directory
from rpcserver.core.requests import Dust, LadderStep, OnFence, Rounding
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountId, AccountRef, InstrumentId
from rpcserver.domain.order import OrderType
from rpcserver.domain.position import PositionSide
from rpcserver.domain.principal import Role
from rpcserver.wire.errors import ERRORS
from tests.apis import hand

SIM101 = AccountRef(hand.PAPER, AccountId("Sim101"))

# A call of each closing api that is complete, to which options are added.
COMPLETE = {
    "Flatten": '"account":"Sim101"',
    "FlattenEverything": "",
    "Reverse": '"account":"Sim101","instrument":"ES"',
    "ReversePosition": '"account":"Sim101","instrument":"ES","action":"BUY","quantity":1,'
    '"orderType":"MARKET"',
    "FlatPlace": '"account":"Sim101","instrument":"ES","action":"BUY","quantity":1,'
    '"orderType":"MARKET"',
    "ClosePosition": '"account":"Sim101","instrument":"ES 12-25"',
    "ExitAll": '"user_id":"user123"',
    "BatchClose": '"productGroup":"Swap","instId":"BTC-USD-SWAP"',
    "Liquidate": '"symbol":"BTC/USDT"',
    "LiquidateAll": "",
}
FOLLOWED = ("Reverse", "ReversePosition", "FlatPlace")  # by an order, so the close is whole
CLOSING = [api.name for api in registry if isinstance(api, ClosingApi)]


def with_options(name: str, options: str) -> str:
    return "{" + ",".join(part for part in (COMPLETE[name], options) if part) + "}"


def refused(name: str, args: str, *roles: Role) -> InvalidRequest:
    call = hand.terms if name in COMPLETE else hand.ask
    with pytest.raises(InvalidRequest) as caught:
        call(name, args, hand.asked(*roles))
    return caught.value


def test_the_table_of_complete_calls_is_complete() -> None:
    assert set(COMPLETE) == set(CLOSING)


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOSING)
def test_every_closing_call_has_the_same_defaults(name: str) -> None:
    terms = hand.terms(name, with_options(name, ""))

    assert (terms.dry_run, terms.plan_hash, terms.reason) == (False, None, "")
    assert (terms.deadline, terms.on_fence) == (60.0, OnFence.UNCONTESTED)
    assert (terms.wait_for_open, terms.dust) == (False, Dust.CLOSE)
    assert terms.amount.is_whole
    assert terms.execution.ladder == ()


@pytest.mark.parametrize("name", CLOSING)
def test_every_closing_call_takes_every_option(name: str) -> None:
    fraction = "" if name in FOLLOWED else '"fraction":0.5,'
    terms = hand.terms(
        name,
        with_options(
            name,
            '"dryRun":true,"planHash":"abc","reason":"end of day","deadlineMs":5000,'
            f'{fraction}"ladder":[{{"type":"LIMIT","offsetTicks":-1}},'
            '{"offsetTicks":4,"afterMs":1500},{"type":"market","afterMs":3000}],'
            '"onFence":"Override","waitForOpen":true,"dust":"LEAVE"',
        ),
    )

    assert (terms.dry_run, terms.plan_hash, terms.reason) == (True, "abc", "end of day")
    assert (terms.deadline, terms.on_fence) == (5.0, OnFence.OVERRIDE)
    assert (terms.wait_for_open, terms.dust) == (True, Dust.LEAVE)
    assert terms.amount.rounding is Rounding.DOWN
    assert terms.amount.fraction == (Decimal("0.5") if fraction else None)
    assert terms.execution.ladder == (
        LadderStep(type=OrderType.LIMIT, offset_ticks=-1, after=0.0),
        LadderStep(type=OrderType.LIMIT, offset_ticks=4, after=1.5),
        LadderStep(type=OrderType.MARKET, offset_ticks=0, after=3.0),
    )


@pytest.mark.parametrize("name", CLOSING)
@pytest.mark.parametrize(
    ("option", "code", "key"),
    [
        ('"dryrun":true', "unknown_argument", "dryRun"),
        ('"dryRun":1', "invalid_argument", "dryRun"),
        ('"dryRun":null', "invalid_argument", "dryRun"),
        ('"progress":false', "unknown_argument", "progress"),
        ('"idempotencyKey":"k"', "unknown_argument", "idempotencyKey"),
        ('"planHash":""', "invalid_argument", "planHash"),
        ('"reason":5', "invalid_argument", "reason"),
        (f'"reason":"{"x" * 1001}"', "invalid_argument", "reason"),
        ('"deadlineMs":0', "invalid_argument", "deadlineMs"),
        ('"deadlineMs":-1', "invalid_argument", "deadlineMs"),
        ('"deadlineMs":86400001', "invalid_argument", "deadlineMs"),
        ('"deadlineMs":"60000"', "invalid_argument", "deadlineMs"),
        ('"fraction":0', "invalid_argument", "fraction"),
        ('"fraction":-0.5', "invalid_argument", "fraction"),
        ('"fraction":1.0001', "invalid_argument", "fraction"),
        ('"fraction":50', "invalid_argument", "fraction"),
        ('"fraction":null', "invalid_argument", "fraction"),
        ('"fraction":"NaN"', "invalid_argument", "fraction"),
        ('"fraction":"Infinity"', "invalid_argument", "fraction"),
        ('"fraction":1e400', "invalid_argument", "fraction"),
        ('"fraction":1e-400', "invalid_argument", "fraction"),
        ('"fraction":0.1234567890123456789', "invalid_argument", "fraction"),
        ('"onFence":"maybe"', "invalid_argument", "onFence"),
        ('"onFence":""', "invalid_argument", "onFence"),
        ('"onFence":"override"', "missing_argument", "reason"),
        ('"dust":"sweep"', "invalid_argument", "dust"),
        ('"ladder":[]', "invalid_argument", "ladder"),
        ('"ladder":[{"afterMs":5}]', "invalid_argument", "ladder[0].afterMs"),
        ('"ladder":[{},{}]', "invalid_argument", "ladder[1].afterMs"),
        ('"ladder":[{"offsetTicks":10001}]', "invalid_argument", "ladder[0].offsetTicks"),
        ('"ladder":[{"type":"stop_market"}]', "invalid_argument", "type"),
        ('"ladder":[{"offset":1}]', "unknown_argument", "offset"),
        ('"ladder":[{},{"afterMs":86400001}]', "invalid_argument", "ladder[1].afterMs"),
        (f'"ladder":[{",".join("{}" for _ in range(11))}]', "invalid_argument", "ladder"),
    ],
)
def test_a_bad_option_is_refused_by_its_name(name: str, option: str, code: str, key: str) -> None:
    error = refused(name, with_options(name, option))

    assert error.code == code
    assert key in error.detail


def test_override_is_for_the_risk_role() -> None:
    options = with_options("Flatten", '"onFence":"override","reason":"broker on the phone"')

    assert refused("Flatten", options, Role.TRADER).code == "forbidden"
    assert hand.terms("Flatten", options, hand.asked(Role.RISK)).on_fence is OnFence.OVERRIDE


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("Flatten", key) for key in ("account", "instrument", "marketPosition", "venue")),
        *(("Flatten", key) for key in ("strategyTag", "pnl", "accounts", "instruments", "exclude")),
        *(("ClosePosition", key) for key in ("account", "instrument")),
        *(("ExitAll", key) for key in ("user_id", "strategy_tag", "instruments")),
        *(("BatchClose", key) for key in ("productGroup", "instId")),
        *(("Liquidate", key) for key in ("position_id", "symbol")),
        *(("CancelOrders", key) for key in ("account", "instrument", "instruments")),
        *(("CancelMultiOrder", key) for key in ("tag", "user_id", "instruments", "order_ids")),
    ],
)
@pytest.mark.parametrize("nothing", ["null", '""', "[]", '[""]', '"  "'])
def test_a_filter_that_says_nothing_never_means_all(name: str, key: str, nothing: str) -> None:
    is_list = key in {"accounts", "instruments", "exclude", "order_ids"}
    if nothing != "null" and is_list != nothing.startswith("["):
        return  # a value of the wrong type is another test's

    others = {"ClosePosition": ("account", "instrument"), "BatchClose": ("productGroup", "instId")}
    rest = {other: '"x"' for other in others.get(name, ()) if other != key}
    if name == "CancelOrders" and key != "account":
        rest["account"] = '"Sim101"'
    if name == "Flatten" and key == "exclude":
        rest["account"] = '"Sim101"'
    if "productGroup" in rest:
        rest["productGroup"] = '"Swap"'
    args = ",".join(f'"{each}":{value}' for each, value in {**rest, key: nothing}.items())

    error = refused(name, "{" + args + "}")

    assert error.code == "empty_filter"
    assert key in error.detail


@pytest.mark.parametrize(
    ("name", "args", "told"),
    [
        ("Release", '{"haltId":"halt-1","reason":""}', "reason is empty: it is needed, say why"),
        ("Release", '{"haltId":null,"reason":"r"}', "haltId is empty: it is needed, say which"),
        (
            "CreateToken",
            '{"principal":" ","roles":["viewer"],"accounts":["*"]}',
            "principal is empty: it is needed, say who it speaks for",
        ),
        (
            "Flatten",
            '{"account":""}',
            "account is empty: leave it out, or say what it should match",
        ),
    ],
)
def test_what_is_needed_and_empty_is_not_to_be_left_out(name: str, args: str, told: str) -> None:
    error = refused(name, args)

    assert (error.code, error.detail) == ("empty_filter", told)


def test_flatten_without_a_filter_is_refused() -> None:
    assert refused("Flatten", "{}").code == "filter_required"
    assert refused("Flatten", '{"dryRun":true,"fraction":0.5}').code == "filter_required"
    assert refused("Flatten", '{"exclude":["ES"]}').code == "filter_required"
    assert refused("Flatten", '{"quantity":1}').code == "filter_required"


@pytest.mark.parametrize("value", ['"Sim101"', "null", '""', "[]", "5", "{}"])
@pytest.mark.parametrize(
    "key",
    [
        *("account", "accounts", "instrument", "instruments", "marketPosition"),
        *("venue", "strategyTag", "pnl", "quantity", "exclude"),
    ],
)
def test_flatten_everything_takes_no_filter(key: str, value: str) -> None:
    error = refused("FlattenEverything", f'{{"{key}":{value}}}')

    assert error.code == "unexpected_filter"
    assert key in error.detail


@pytest.mark.parametrize("key", ["position_id", "symbol"])
def test_liquidate_all_takes_no_filter(key: str) -> None:
    assert refused("LiquidateAll", f'{{"{key}":"x"}}').code == "unexpected_filter"
    assert refused("Liquidate", f'{{"all":true,"{key}":"BTC/USDT"}}').code == "unexpected_filter"


@pytest.mark.parametrize("key", ["account", "instrument", "instruments"])
def test_cancel_all_orders_takes_no_filter(key: str) -> None:
    assert refused("CancelAllOrders", f'{{"{key}":"x"}}').code == "unexpected_filter"


def test_a_mistyped_key_is_told_with_the_nearest_known_one() -> None:
    error = refused("Flatten", '{"acount":"Sim101"}')

    assert error.code == "unknown_argument"
    assert "'account'" in error.detail


@pytest.mark.parametrize(
    ("name", "args", "code", "hint"),
    [
        ("Flatten", '{"account":"Sim10"}', "unknown_account", "did you mean 'Sim10"),
        ("Flatten", '{"accounts":["Sim101","Nobody"]}', "unknown_account", "Nobody"),
        ("Flatten", '{"instrument":"MEZ 12-25"}', "unknown_instrument", "MES 12-25"),
        ("Flatten", '{"venue":"papr"}', "unknown_venue", "paper"),
        ("Flatten", '{"account":"Sim101","accounts":["Sim101"]}', "invalid_argument", "accounts"),
        ("Flatten", '{"instrument":"ES","instruments":["ES"]}', "invalid_argument", "instruments"),
        ("Flatten", '{"marketPosition":"flat"}', "invalid_argument", "long, short"),
        ("Flatten", '{"account":"Sim101","quantity":2,"fraction":0.5}', "invalid_argument", ""),
        (
            "Flatten",
            '{"account":"Sim101","quantity":1000000000001}',
            "invalid_argument",
            "quantity",
        ),
        ("Flatten", '{"account":["Sim101"]}', "invalid_argument", "account"),
        ("ClosePosition", '{"account":"Sim101"}', "missing_argument", "instrument"),
        ("ClosePosition", '{"instrument":"ES 12-25"}', "missing_argument", "account"),
        (
            "ClosePosition",
            '{"account":"Twin","instrument":"ES"}',
            "ambiguous_account",
            "other:Twin",
        ),
        ("ExitAll", '{"execution_type":"MARKET"}', "filter_required", "user_id"),
        ("ExitAll", '{"user_id":"user124"}', "unknown_user", "user123"),
        ("BatchClose", '{"productGroup":"SwapU"}', "missing_argument", "instId"),
        ("BatchClose", '{"productGroup":"Margin","instId":"BTC-USDT"}', "invalid_argument", "Spot"),
        ("BatchClose", '{"productGroup":"Swap","instId":"BTC-USDT"}', "invalid_argument", "Swap"),
        ("Liquidate", "{}", "filter_required", "position_id or symbol is required"),
        ("Liquidate", '{"symbol":"BTC/USDX"}', "unknown_instrument", "BTC/USDT"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, args: str, code: str, hint: str) -> None:
    error = refused(name, args)

    assert error.code == code
    assert hint in error.detail


def test_an_account_without_a_grant_does_not_exist() -> None:
    by = hand.asked(Role.TRADER, grants=("Sim101",))

    with pytest.raises(InvalidRequest) as caught:
        hand.terms("Flatten", '{"account":"Sim102"}', by)

    assert caught.value.code == "unknown_account"
    assert hand.terms("FlattenEverything", "{}", by).scope.accounts == (SIM101,)


@pytest.mark.parametrize("name", CLOSING)
def test_whoever_may_touch_no_account_is_never_told_flat(name: str) -> None:
    by = hand.asked(Role.TRADER, grants=("Sim1O1",))

    with pytest.raises(InvalidRequest) as caught:
        hand.terms(name, with_options(name, ""), by)

    assert caught.value.code in ("unknown_account", "unknown_user")


# --- what the calls mean -------------------------------------------------------------------------


def test_the_filtered_flatten_of_the_seed() -> None:
    terms = hand.terms(
        "Flatten", '{"account":"Sim101","instrument":"MES 12-25","marketPosition":"short"}'
    )

    assert terms.scope.accounts == (SIM101,)
    assert [each.exact for each in terms.scope.instruments] == [InstrumentId("MES 12-25")]
    assert terms.scope.side is PositionSide.SHORT
    assert not terms.scope.everything


def test_flatten_everything_takes_orders_too() -> None:
    terms = hand.terms("FlattenEverything", "{}")

    assert terms.scope.everything
    assert len(terms.scope.accounts) == len(hand.ACCOUNTS)
    assert terms.scope.instruments == ()


def test_names_are_read_without_regard_to_case_and_two_venues_may_share_one() -> None:
    terms = hand.terms("Flatten", '{"account":" tWIN ","marketPosition":"LONG","pnl":"Losers"}')

    assert terms.scope.accounts == (
        AccountRef(hand.PAPER, AccountId("Twin")),
        AccountRef(hand.OTHER, AccountId("Twin")),
    )
    assert terms.scope.side is PositionSide.LONG
    one = hand.terms("Flatten", '{"account":"other:twin"}')
    assert one.scope.accounts == (AccountRef(hand.OTHER, AccountId("Twin")),)
    at_one = hand.terms("Flatten", '{"account":"twin","venue":"Paper"}')
    assert at_one.scope.accounts == (AccountRef(hand.PAPER, AccountId("Twin")),)


@pytest.mark.parametrize("spelled", ["ES", "es", "ES1!"])
def test_a_root_in_a_closing_filter_matches_every_expiry(spelled: str) -> None:
    terms = hand.terms("Flatten", f'{{"instrument":"{spelled}"}}')

    matched = [
        name
        for name, instrument in hand.INSTRUMENTS.items()
        if any(selector.matches(instrument) for selector in terms.scope.instruments)
    ]
    assert matched == ["ES 12-25", "ES 03-26"]


@pytest.mark.parametrize("spelled", ["ES 12-25", "ESZ25", "ESZ5", "es dec25"])
def test_one_contract_has_many_names(spelled: str) -> None:
    terms = hand.terms("Flatten", f'{{"instruments":["{spelled}","ES 12-25"]}}')

    assert [each.exact for each in terms.scope.instruments] == [InstrumentId("ES 12-25")]


@pytest.mark.parametrize("spelled", ["2", "2.0", '"2"', '"2.00"', "2e0"])
def test_one_quantity_has_one_meaning(spelled: str) -> None:
    terms = hand.terms("Flatten", f'{{"account":"Sim101","quantity":{spelled}}}')

    assert str(terms.amount.quantity) == "2"


def test_close_position_rounds_a_percentage_up_and_prefers_a_quantity() -> None:
    call = '{{"account":"Sim101","instrument":"ES 12-25",{}}}'

    percent = hand.terms("ClosePosition", call.format('"percent":0.1')).amount
    both = hand.terms("ClosePosition", call.format('"percent":0.1,"quantity":3')).amount

    assert (percent.fraction, percent.rounding) == (Decimal("0.1"), Rounding.UP)
    assert (both.quantity, both.fraction) == (Decimal(3), None)
    above = refused("ClosePosition", call.format('"percent":10'))
    assert (above.code, "percent" in above.detail) == ("invalid_argument", True)


@pytest.mark.parametrize(
    ("group", "inst_id"),
    [("Spot", "BTC-USDT"), ("swap", "BTC-USD-SWAP"), ("SwapU", "BTC-USDT-SWAP")],
)
def test_the_batch_closes_of_the_seed(group: str, inst_id: str) -> None:
    terms = hand.terms("BatchClose", f'{{"productGroup":"{group}","instId":"{inst_id}"}}')

    assert terms.scope.product_group is not None
    assert terms.scope.product_group.value.casefold() == group.casefold()
    assert [each.exact for each in terms.scope.instruments] == [InstrumentId(inst_id)]
    assert terms.scope.side is None


def test_liquidate_takes_the_id_before_the_symbol() -> None:
    both = hand.terms("Liquidate", '{"position_id":" pos-20260303120000-1","symbol":"ETH/USDT"}')
    symbol = hand.terms("Liquidate", '{"symbol":"btc/usdt"}')

    assert both.scope.position_id == "pos-20260303120000-1"
    assert (both.scope.instruments, both.scope.oldest_only) == ((), False)
    assert [each.exact for each in symbol.scope.instruments] == ["BTC/USDT"]
    assert symbol.scope.oldest_only


def test_liquidate_all_and_its_other_spelling_mean_the_same() -> None:
    assert hand.terms("LiquidateAll", "{}") == hand.terms("Liquidate", '{"all":true}')


# --- ExitAll's sizes and prices ------------------------------------------------------------------

SELECTED = '"user_id":"user123","instruments":["NSE:INFY","TCS"]'


def test_the_limit_exit_of_the_seed() -> None:
    terms = hand.terms(
        "ExitAll",
        '{"user_id":"user123","instruments":["NSE:INFY","NSE:TCS"],"execution_type":"LIMIT",'
        '"limit_prices":{"NSE:INFY":1550,"NSE:TCS":3300}}',
    )

    assert terms.execution.limit_prices == {"NSE:INFY": Decimal(1550), "NSE:TCS": Decimal(3300)}
    assert terms.check_hours
    assert AccountRef(hand.PAPER, AccountId("Sim102")) not in terms.scope.accounts


def test_the_tagged_exit_of_the_seed() -> None:
    terms = hand.terms("ExitAll", '{"strategy_tag":"intraday_nifty","execution_type":"market"}')

    assert terms.scope.strategy_tag == "intraday_nifty"
    assert terms.execution.limit_prices == {}


@pytest.mark.parametrize(
    ("args", "code", "hint"),
    [
        ('"execution_type":"LIMIT"', "missing_argument", "limit_prices"),
        ('"execution_type":"LIMIT","limit_prices":{}', "missing_argument", "limit_prices"),
        ('"execution_type":"LIMIT","limit_prices":{"INFY":1550}', "missing_argument", "TCS"),
        ('"execution_type":"LIMIT","limit_prices":{"INFY":0,"TCS":1}', "invalid_argument", "INFY"),
        ('"execution_type":"LIMIT","limit_prices":{"INFY":"NaN"}', "invalid_argument", "INFY"),
        (
            '"execution_type":"LIMIT","limit_prices":{"INFX":1,"TCS":1}',
            "unknown_instrument",
            "INFY",
        ),
        (
            '"execution_type":"LIMIT","limit_prices":{"INFY":1,"NSE:INFY":2,"TCS":1}',
            "invalid_argument",
            "already",
        ),
        (
            '"execution_type":"LIMIT","limit_prices":{"INFY":1,"TCS":1,"ES 12-25":1}',
            "invalid_argument",
            "ES 12-25",
        ),
        ('"execution_type":"LIMIT","limit_prices":{"ES":1}', "ambiguous_instrument", "ES"),
        ('"limit_prices":{"INFY":1550}', "invalid_argument", "execution_type"),
        ('"execution_type":"STOP"', "invalid_argument", "MARKET, LIMIT"),
        ('"quantities":{}', "invalid_argument", "quantities"),
        ('"quantities":{"INFY":0}', "invalid_argument", "INFY"),
        ('"quantities":{"BTC-USDT":1}', "invalid_argument", "BTC-USDT"),
        ('"quantities":{"INFY":1},"fraction":0.5', "invalid_argument", "fraction"),
        (
            '"execution_type":"LIMIT","limit_prices":{"INFY":1,"TCS":1},"ladder":[{}]',
            "invalid_argument",
            "ladder",
        ),
    ],
)
def test_a_size_or_a_price_that_cannot_be_meant_is_refused(args: str, code: str, hint: str) -> None:
    error = refused("ExitAll", f"{{{SELECTED},{args}}}")

    assert error.code == code
    assert hint in error.detail


def test_quantities_need_instruments_so_that_the_rest_is_no_riddle() -> None:
    error = refused("ExitAll", '{"user_id":"user123","quantities":{"INFY":10}}')
    partial = hand.terms("ExitAll", f'{{{SELECTED},"quantities":{{"INFY":"10"}}}}')

    assert (error.code, "instruments" in error.detail) == ("missing_argument", True)
    assert partial.amount.quantities == {"NSE:INFY": Decimal(10)}


# --- numbers -------------------------------------------------------------------------------------

orderly = st.decimals(
    min_value=Decimal("1e-9"), max_value=Decimal(10**9), allow_nan=False, places=9
)


@given(orderly)
def test_an_orderly_number_keeps_its_value(value: Decimal) -> None:
    assert checked(value, "q") == value
    assert Decimal(text(value)) == value
    assert Decimal(str(number(value))) == value.normalize() or len(text(value)) > 15


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_whatever_passes_is_positive_bounded_and_plain(value: Decimal) -> None:
    try:
        passed = checked(value, "q")
    except InvalidRequest:
        return  # refused: nothing more is promised
    assert 0 < passed == value <= 10**12
    assert re.fullmatch(r"\d+(\.\d+)?", text(passed))


@pytest.mark.parametrize(
    ("value", "like", "expected"),
    [
        ("50000", "0.01", "50000.00"),
        ("0.0100", None, "0.01"),
        ("1E+3", None, "1000"),
        ("355.755", "0.05", "355.755"),
        ("0", "0.01", "0.00"),
        ("-0.0", None, "0"),
    ],
)
def test_text_has_no_exponent_and_as_many_places_as_the_tick(
    value: str, like: str | None, expected: str
) -> None:
    assert text(Decimal(value), like=None if like is None else Decimal(like)) == expected


# --- whatever comes ------------------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", " ", "NaN", "1e999", "Sim101", "ES", "NSE:INFY", "long", "LIMIT", "all"])
    | st.text(max_size=8),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=8), parts, max_size=3)
    ),
    max_leaves=6,
)


def refusal_of(name: str, args: str) -> InvalidRequest | None:
    try:
        (hand.terms if name in COMPLETE else hand.ask)(name, args)
    except InvalidRequest as refusal:
        return refusal
    return None


@pytest.mark.parametrize("name", registry.names)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_comes_is_understood_or_refused_with_a_code(
    name: str, data: st.DataObject
) -> None:
    api = registry.find(name)
    assert api is not None
    keys = st.sampled_from([*api.args.__struct_encode_fields__, "stranger"])
    args = data.draw(st.dictionaries(keys, anything, max_size=4))

    refusal = refusal_of(name, json.dumps(args))

    if refusal is not None:
        assert refusal.code in ERRORS
        assert refusal.detail
        assert hand.on_the_wire(api.refuse(refusal))["success"] is False


@pytest.mark.parametrize(
    ("api", "args"),
    [
        ("Flatten", '{"account":"Sim101"}'),
        ("Flatten", '{"account":"*"}'),
        ("Flatten", '{"instrument":"ES"}'),
        ("ExitAll", '{"user_id":"user123"}'),
        ("BatchClose", '{"productGroup":"Spot","instId":"BTC-USDT"}'),
        ("Liquidate", '{"symbol":"BTC/USDT"}'),
        ("ClosePosition", '{"account":"Sim101","instrument":"MES 12-25"}'),
    ],
)
def test_no_name_is_unknown_while_a_venue_was_never_read(api: str, args: str) -> None:
    unread = Account(venue=hand.PAPER, account=UNREAD, user_id="", connected=False)
    by = msgspec.structs.replace(
        hand.asked(accounts=(unread,)),
        directory=Directory(accounts=(unread,), instruments={}, names={}),
    )

    with pytest.raises(InvalidRequest) as caught:
        hand.terms(api, args, by)

    assert caught.value.code == "venue_unavailable"
    assert "paper was not read yet" in caught.value.detail


def test_everything_still_takes_in_the_accounts_of_a_venue_never_read() -> None:
    unread = Account(venue=hand.OTHER, account=UNREAD, user_id="", connected=False)

    terms = hand.terms("FlattenEverything", "{}", hand.asked(accounts=(*hand.ACCOUNTS, unread)))

    assert unread.ref in terms.scope.accounts


def test_an_unknown_key_within_a_key_is_named_and_so_is_where_it_stands() -> None:
    error = refused("Flatten", '{"account":"Sim101","ladder":[{"offset":1}]}')

    assert (error.code, error.detail) == ("unknown_argument", "'offset' in ladder[0]")
