"""Decimals leave as each dialect writes its numbers, at the last moment and never back again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.order import ZERO

DIGITS_MAX = 18
MAGNITUDE_MAX = Decimal(10) ** 12
_EXACT_DIGITS = 28  # of the decimal context: more would be rounded before they are refused


def checked(value: Decimal, key: str, *, zero: bool = False) -> Decimal:
    """
    *value* in its shortest form, or a refusal that names *key*.

    Positive, finite, at most 10¹² and 18 digits; with *zero*, zero too. Comparisons come after
    the test for NaN, which would make every one of them false.
    """
    if not value.is_finite():
        raise InvalidRequest("invalid_argument", f"{key}: {value} is not a number to trade by")
    if value < 0 or (value == 0 and not zero):
        raise InvalidRequest("invalid_argument", f"{key}: {value} is not greater than zero")
    if value == 0:
        return ZERO
    if value <= MAGNITUDE_MAX and _size(value) <= _EXACT_DIGITS:
        shortest = value.normalize()  # exact, and without the zeros at its end
        if _size(shortest) <= DIGITS_MAX:
            return shortest
    raise InvalidRequest("invalid_argument", f"{key}: beyond 10^12 or {DIGITS_MAX} digits")


def checked_map(values: Mapping[str, Decimal], key: str) -> dict[str, Decimal]:
    """Every value of *values*, checked; a refusal names the entry."""
    return {name: checked(value, f"{key}[{name!r}]") for name, value in values.items()}


def number(value: Decimal) -> int | float:
    """A quantity as a JSON number: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def price(value: Decimal | None) -> float | None:
    """A price or an amount of money as a JSON number; None where there is none."""
    return None if value is None else float(unsigned_zero(value))


def money(value: Decimal) -> float:
    """An amount that is always there, as a JSON number."""
    return float(unsigned_zero(value))


def unsigned_zero(value: Decimal) -> Decimal:
    """*value*, but never "-0.000": nothing earned is nothing lost."""
    return value if value else abs(value)


def text(value: Decimal, like: Decimal | None = None) -> str:
    """
    A number as text: never an exponent, no zeros at its end.

    With *like*, a tick, at least as many places as the tick has: 50000 at a tick of 0.01 is
    "50000.00".
    """
    if value == 0:
        value = ZERO
    shortest = value.normalize()
    places = max(_places(shortest), _places(like) if like is not None else 0)
    return f"{shortest:.{places}f}"


def _size(value: Decimal) -> int:
    """How many digits it takes to write *value*, on either side of the point."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "not finite"
    return max(len(digits), -exponent)


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
