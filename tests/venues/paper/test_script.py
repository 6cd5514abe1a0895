"""Scripts of faults: what is read, what is refused, and in which words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import RejectReason
from rpcserver.venues.paper.faults import (
    DelayAnswers,
    Fault,
    Faults,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    Message,
    RefuseOrders,
    StickCancels,
)
from rpcserver.venues.paper.forecast import KINDS, MEETS, Forecast, SetWeather
from rpcserver.venues.paper.script import ScriptError, fault_of, keys_of, read_script, table_of
from tests.venues.paper.exchanges import NET, NOON

ES, MES = InstrumentId("ES 12-25"), InstrumentId("MES 12-25")


def problems(name: str, table: object) -> str:
    with pytest.raises(ScriptError) as caught:
        fault_of(name, table)
    return str(caught.value)


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"kind": "lose_answers"}, LoseAnswers(name="x")),
        (
            {"kind": "lose_requests", "messages": ["cancel", "change"], "account": "Sim101"},
            LoseRequests(
                name="x",
                messages=frozenset({Message.CANCEL, Message.CHANGE}),
                account=AccountId("Sim101"),
            ),
        ),
        (
            {"kind": "stick_cancels", "instrument": "ES", "skip": 2, "count": 1, "seconds": 5},
            StickCancels(name="x", instrument=InstrumentId("ES"), skip=2, count=1, seconds=5),
        ),
        (
            {"kind": "refuse_orders", "reason": "insufficient_margin", "detail": "no", "count": 2},
            RefuseOrders(name="x", reason=RejectReason.INSUFFICIENT_MARGIN, detail="no", count=2),
        ),
        ({"kind": "lag_positions", "seconds": 2.5}, LagPositions(name="x", seconds=2.5)),
        ({"kind": "lose_events", "count": 3}, LoseEvents(name="x", count=3)),
        ({"kind": "hide_orders", "seconds": 0}, HideOrders(name="x", seconds=0)),
    ],
)
def test_a_table_is_a_fault(table: dict[str, object], fault: Fault) -> None:
    assert fault_of("x", table) == fault


def test_a_file_holds_its_faults_in_order(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        '[b]\nkind = "delay_answers"\nseconds = 0.5\nlasts = 10\n\n[a]\nkind = "lose_answers"\n',
        encoding="utf-8",
    )

    assert read_script(path) == (
        DelayAnswers(name="b", seconds=0.5, lasts=10),
        LoseAnswers(name="a"),
    )


def test_an_empty_script_is_a_venue_without_faults(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.touch()

    assert read_script(path) == ()


# --- refusing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (5, "x: expected a table such as [x], got 5"),
        ([{"kind": "lose_answers"}], "x: expected a table such as [x], got [{'kind'"),
        ({}, "it is missing"),
        ({"kind": 7}, "got 7"),
        ({"kind": ["lose_answers"]}, "x.kind: expected one of lose_requests, "),
        ({"kind": "stick_cancel"}, "got 'stick_cancel'; did you mean stick_cancels?"),
        ({"kind": "stick_cancels"}, "x.seconds: expected seconds, 0 to 86400; it is missing"),
        ({"kind": "stick_cancels", "seconds": "five"}, "expected seconds, 0 to 86400, got 'five'"),
        ({"kind": "stick_cancels", "seconds": float("nan")}, "x.seconds: expected seconds"),
        ({"kind": "stick_cancels", "seconds": float("inf")}, "x.seconds: expected seconds"),
        ({"kind": "stick_cancels", "seconds": -1}, "x.seconds: expected seconds"),
        ({"kind": "stick_cancels", "seconds": None}, "x.seconds: expected seconds"),
        ({"kind": "stick_cancels", "seconds": True}, "x.seconds: expected seconds"),
        (
            {"kind": "lose_answers", "count": 0},
            "x.count: expected a whole number, at least 1, got 0",
        ),
        ({"kind": "lose_answers", "count": True}, "x.count: expected a whole number"),
        ({"kind": "lose_answers", "count": 1.5}, "x.count: expected a whole number"),
        ({"kind": "lose_answers", "skip": -1}, "x.skip: expected a whole number, at least 0"),
        ({"kind": "lose_answers", "acount": "a"}, "x.acount: no such key; did you mean account?"),
        ({"kind": "lose_answers", "account": ""}, "x.account: expected the name of an account"),
        ({"kind": "lose_answers", "instrument": 7}, "x.instrument: expected the name of an inst"),
        ({"kind": "lose_answers", "messages": "submit"}, "x.messages: expected a list of some of"),
        ({"kind": "lose_answers", "messages": []}, "x.messages: expected a list of some of"),
        ({"kind": "lose_answers", "messages": ["sumbit"]}, '"submit", "trades", got [\'sumbit\']'),
        ({"kind": "lose_answers", "name": "y"}, "x.name: no such key"),
        ({"kind": "refuse_orders", "reason": "nope"}, 'expected one of "market_closed", '),
        ({"kind": "refuse_orders", "detail": "d" * 201}, "x.detail: expected a text of at most"),
        ({"kind": "refuse_orders", "messages": ["submit"]}, "x.messages: makes no sense for this"),
        ({"kind": "lag_positions", "seconds": 1, "count": 1}, "x.count: makes no sense for this"),
        ({"kind": "lose_events", "account": "Sim101"}, "x.account: makes no sense for this kind"),
        ({"kind": "fail_reads", "messages": ["submit"]}, "x.messages: a fault of this kind never"),
        ({"kind": "arrive_late", "seconds": 1, "messages": ["query"]}, "never meets query"),
        (
            {"kind": "lose_answers", "messages": ["snapshot"], "instrument": "ES"},
            "x.instrument: only submit, cancel and change name one",
        ),
        (
            {"kind": "lose_answers", "messages": ["markets"], "account": "Sim101"},
            "x.account: accounts and markets are read of all at once",
        ),
    ],
)
def test_what_is_no_fault_is_refused_by_its_key(table: object, told: str) -> None:
    assert told in problems("x", table)


@pytest.mark.parametrize("name", ["", "n" * 65, "two\nlines", "bell\x07"])
def test_a_name_can_be_typed(name: str) -> None:
    assert "expected a name of 1 to 64 printable characters" in problems(name, {})


def test_every_mistake_of_a_file_is_told_with_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        'oops = 1\n[a]\nkind = "lose_answers"\ncount = 0\nskip = "x"\n'
        '[b]\nkind = "hide_orders"\n[c]\nkind = "repeat_events"\n',
        encoding="utf-8",
    )

    with pytest.raises(ScriptError) as caught:
        read_script(path)

    assert caught.value.problems == (
        f"{path}: oops: expected a table such as [oops], got 1",
        f"{path}: a.count: expected a whole number, at least 1, got 0",
        f"{path}: a.skip: expected a whole number, at least 0, got 'x'",
        f"{path}: b.seconds: expected seconds, 0 to 86400; it is missing",
    )


@pytest.mark.parametrize("text", [b"= 1", b"\xff\xfe", b"[a\n", b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "faults.toml"
    path.write_bytes(text)

    with pytest.raises(ScriptError, match="is not TOML"):
        read_script(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read: No such file"):
        read_script(tmp_path / "none.toml")


# --- for all -------------------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*KINDS, *(message.value for message in Message)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
keys = st.sampled_from(
    ["messages", "account", "instrument", "skip", "count", "lasts", "seconds", "reason", "detail"]
)


@given(st.text(max_size=70), plain | st.dictionaries(st.just("kind") | keys | st.text(), plain))
def test_anything_is_a_fault_or_a_list_of_problems(name: str, table: object) -> None:
    found = read(name, table)

    if isinstance(found, ScriptError):
        assert found.problems
        assert all(problem.isprintable() and len(problem) < 800 for problem in found.problems)
    else:
        assert found.name == name


def read(name: str, table: object) -> Fault | ScriptError:
    try:
        return fault_of(name, table)
    except ScriptError as exc:
        return exc


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """A fault as a script can hold it."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    values = {
        "seconds": st.floats(0, 86_400),
        "account": st.text(min_size=1, max_size=8),
        "skip": st.integers(0, 9),
        "count": st.integers(1, 9),
        "lasts": st.floats(0, 86_400),
        "detail": st.text(max_size=20),
        "reason": st.sampled_from([reason.value for reason in RejectReason]),
        "retry_after": st.floats(0, 86_400),
    }
    known = keys_of(KINDS[kind])
    chosen = draw(st.sets(st.sampled_from(sorted(known.keys() & values.keys()))))
    if "seconds" in known:
        chosen.add("seconds")
    return fault_of("f", {"kind": kind} | {key: draw(values[key]) for key in sorted(chosen)})


@given(faults())
def test_a_fault_is_the_table_it_was_read_from(fault: Fault) -> None:
    assert fault_of(fault.name, table_of(fault)) == fault


# --- counting ------------------------------------------------------------------------------------


def stuck(faults: Faults, instrument: InstrumentId = ES) -> float:
    return faults.meet(Message.CANCEL, NOON, account=NET, instrument=instrument).stuck_for


def test_the_third_cancel_of_a_root_sticks_and_no_other() -> None:
    faults = Faults()
    faults.set(
        StickCancels(name="third", instrument=InstrumentId("ES"), skip=2, count=1, seconds=5), NOON
    )

    back_month = InstrumentId("ES 03-26")
    met = [stuck(faults, each) for each in (ES, MES, back_month, MES, ES, ES, back_month)]

    assert met == [0, 0, 0, 0, 5, 0, 0]


def test_what_was_met_is_told_though_it_is_over() -> None:
    faults = Faults()
    faults.set(LoseAnswers(count=1), NOON)
    name = faults.set(LoseAnswers(skip=9), NOON)
    faults.meet(Message.SUBMIT, NOON, account=NET, instrument=ES)

    in_force, over = faults.listed(NOON)

    assert (in_force.name, in_force.met, in_force.is_over) == (name, 0, False)
    assert (over.name, over.met, over.is_over) == ("lose_answers-1", 1, True)


def test_a_fault_is_over_in_the_list_when_its_time_is() -> None:
    faults = Faults()
    faults.set(LoseAnswers(lasts=10), NOON)

    later = NOON + timedelta(seconds=10)

    assert [each.is_over for each in faults.listed(NOON)] == [False]
    assert [each.is_over for each in faults.listed(later)] == [True]


def test_one_fault_is_cleared_by_its_name() -> None:
    faults = Faults()
    faults.set(LoseAnswers(name="a"), NOON)
    faults.set(LoseAnswers(name="b"), NOON)

    assert faults.clear("a")
    assert not faults.clear("a")
    assert [each.name for each in faults.listed(NOON) if not each.is_over] == ["b"]


# --- the weather ---------------------------------------------------------------------------------

MESSAGES = [message for _ in range(100) for message in Message]


def drawn(weather: SetWeather) -> list[Fault | None]:
    forecast = Forecast(weather)
    return [forecast.draw(message, NET, ES) for message in MESSAGES]


def test_the_same_seed_draws_the_same_faults() -> None:
    assert drawn(SetWeather(seed=7, rate=0.3)) == drawn(SetWeather(seed=7, rate=0.3))
    assert drawn(SetWeather(seed=7, rate=0.3)) != drawn(SetWeather(seed=8, rate=0.3))


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 1.0]))
def test_faults_are_drawn_as_often_as_the_rate_says(seed: int, rate: float) -> None:
    forecast = Forecast(SetWeather(seed=seed, rate=rate))
    count = sum(forecast.draw(Message.SUBMIT, NET, ES) is not None for _ in range(200))

    assert rate * 200 - 40 <= count <= rate * 200 + 40
    assert rate != 1.0 or count == 200


def test_every_kind_is_drawn_for_a_message_that_it_can_meet() -> None:
    met = set()
    for message, fault in zip(MESSAGES, drawn(SetWeather(seed=1, rate=1)), strict=True):
        assert fault is not None
        assert message in MEETS[type(fault)]
        met.add(type(fault))

    assert met == set(KINDS.values())


def test_only_chosen_kinds_are_drawn() -> None:
    found = drawn(SetWeather(seed=1, rate=1, kinds=("stick_cancels", "lose_events")))

    assert {type(fault) for fault in found if fault is not None} == {StickCancels, LoseEvents}
