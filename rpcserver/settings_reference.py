"""Every setting in a table: what protocol.md shows and `rpcserver settings` prints."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from rpcserver.settings import Settings
from rpcserver.settings_sources import Leaf, expected, leaves, metas

DEFAULTS = {  # where the code has none
    "data_dir": "~/.local/share/rpcserver",
    "webhooks.*.url": "needed",
    "webhooks.*.secret": "needed",
}


class Row(NamedTuple):
    """One setting, in words."""

    key: str
    type: str
    unit: str
    default: str
    meaning: str


def reference() -> Iterator[Row]:
    """Every setting, in the order of the code."""
    for leaf in leaves(Settings):
        yield Row(leaf.key, expected(leaf.kind), _unit(leaf), _default(leaf), _meaning(leaf))


def _unit(leaf: Leaf) -> str:
    units = (str(meta.extra["unit"]) for meta in metas(leaf.kind) if meta.extra)
    return next(units, "")


def _meaning(leaf: Leaf) -> str:
    told = [meta.title for meta in metas(leaf.kind) if meta.title is not None]
    assert told, f"{leaf.key}: say what it is for"
    return told[0]


def _default(leaf: Leaf) -> str:
    match leaf.default:
        case msgspec.NODEFAULT:
            return DEFAULTS[leaf.key]
        case None:
            return "none"
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case enum.Enum(value=value):
            return str(value)
        case tuple(value):
            return str(list(value))
        case value:
            return str(value)
