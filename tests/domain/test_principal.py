"""Who may do what, and to which accounts."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from rpcserver.domain.account import UNREAD
from rpcserver.domain.ids import AccountId, AccountRef, PrincipalId, TokenId, VenueId
from rpcserver.domain.principal import Permission, Principal, Role, TokenRow, are_granted

READ, TRADE, CLOSE, OVERRIDE, HALT, RELEASE, ADMINISTER, APPROVE, ALONE = Permission


def principal(*roles: Role, accounts: tuple[str, ...] = ("*",)) -> Principal:
    return Principal(
        principal_id=PrincipalId("p"),
        token_id=TokenId("t"),
        roles=frozenset(roles),
        accounts=accounts,
    )


def at(venue: str, account: str) -> AccountRef:
    return AccountRef(VenueId(venue), AccountId(account))


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ([Role.VIEWER], {READ}),
        ([Role.TRADER], {READ, TRADE, CLOSE, HALT}),
        ([Role.RISK], {READ, CLOSE, OVERRIDE, HALT, RELEASE, APPROVE}),
        ([Role.ADMIN], {READ, HALT, RELEASE, ADMINISTER}),
        ([Role.BREAK_GLASS], {READ, CLOSE, ALONE}),
        ([Role.RISK, Role.TRADER], {READ, TRADE, CLOSE, OVERRIDE, HALT, RELEASE, APPROVE}),
        (list(Role), set(Permission)),
        ([], set()),
    ],
)
def test_a_role_allows_what_its_row_says(roles: list[Role], allowed: set[Permission]) -> None:
    assert {each for each in Permission if principal(*roles).may(each)} == allowed
    assert principal(*roles).permissions == allowed


def test_whoever_may_only_reduce_risk_cannot_open_any() -> None:
    assert not principal(Role.RISK).may(Permission.TRADE)
    assert not principal(Role.ADMIN).may(Permission.CLOSE)


@pytest.mark.parametrize(
    ("grant", "touched"),
    [
        ("*", ["paper:Sim101", "paper:Sim102", "other:Sim101"]),
        ("Sim101", ["paper:Sim101", "other:Sim101"]),
        ("sIM101", ["paper:Sim101", "other:Sim101"]),
        ("paper:Sim101", ["paper:Sim101"]),
        ("PAPER:sim101", ["paper:Sim101"]),
        ("paper", []),
        ("paper:", []),
        ("Sim", []),
        ("Sim10*", []),
        ("", []),
    ],
)
def test_a_grant_names_accounts_without_regard_to_case(grant: str, touched: list[str]) -> None:
    accounts = [at("paper", "Sim101"), at("paper", "Sim102"), at("other", "Sim101")]
    trader = principal(Role.TRADER, accounts=(grant,))

    assert [str(each) for each in accounts if trader.may_touch(each)] == touched


def test_grants_add_up_and_none_is_none() -> None:
    accounts = [at("paper", "Sim101"), at("paper", "Sim102"), at("other", "Sim101")]
    two = principal(Role.TRADER, accounts=("paper:Sim102", "other:Sim101"))

    assert [two.may_touch(each) for each in accounts] == [False, True, True]
    assert not any(principal(accounts=()).may_touch(each) for each in accounts)


@pytest.mark.parametrize(
    ("grant", "may_be_among_them"),
    [("*", True), ("Sim101", True), ("far:Sim101", True), ("FAR:x", True), ("near:Sim101", False)],
)
def test_law_18_accounts_not_read_yet_may_be_among_those_granted(
    grant: str, may_be_among_them: bool
) -> None:
    """A venue never reached: its accounts are nobody's by name, and anybody's they may be."""
    trader = principal(Role.TRADER, accounts=(grant,))

    assert trader.may_touch(AccountRef(VenueId("far"), UNREAD)) is may_be_among_them


@pytest.mark.parametrize(
    ("mine", "wanted", "may_be_given"),
    [
        (("*",), ("*",), True),
        (("*",), ("Sim101", "far:Sim102"), True),
        (("Sim101",), ("sim101",), True),
        (("Sim101",), ("paper:Sim101",), True),
        (("paper:Sim101",), ("PAPER:sim101",), True),
        (("Sim101",), ("*",), False),
        (("Sim101",), ("Sim101", "Sim102"), False),
        (("paper:Sim101",), ("Sim101",), False),
        (("paper:Sim101",), ("far:Sim101",), False),
        ((), ("Sim101",), False),
        ((), (), True),
    ],
)
def test_grants_are_no_wider_than_those_they_come_from(
    mine: tuple[str, ...], wanted: tuple[str, ...], may_be_given: bool
) -> None:
    assert are_granted(mine, wanted) is may_be_given


def test_only_an_admin_of_everything_that_does_not_expire_lasts() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    lasting = TokenRow(
        token_id=TokenId("t"),
        principal=PrincipalId("p"),
        roles=frozenset({Role.ADMIN}),
        accounts=("*",),
        created_at=noon,
    )
    replace = msgspec.structs.replace

    assert lasting.is_lasting_admin
    assert not replace(lasting, expires_at=noon).is_lasting_admin
    assert not replace(lasting, revoked_at=noon).is_lasting_admin
    assert not replace(lasting, roles=frozenset({Role.RISK})).is_lasting_admin
    assert not replace(lasting, accounts=("Sim101",)).is_lasting_admin
