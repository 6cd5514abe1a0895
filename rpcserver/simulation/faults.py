"""
What goes wrong, by kind, drawn from the seed.

Every kind has dice of its own, and every strike a number, so that the shrinker can leave single
strikes out and the rest of the weather stays what it was.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple


class FaultKind(enum.Enum):
    """Everything that can go wrong by chance, named after what the world does."""

    # messages to the venue
    LOSE_REQUEST = "lose-request"
    LOSE_ANSWER = "lose-answer"  # accepted, and the acknowledgement is lost
    SERVER_ERROR = "server-error"  # 5xx after acceptance
    LATE_REQUEST = "late-request"  # it lands when its sender has given up or died
    SLOW_ANSWER = "slow-answer"
    REPEAT_REQUEST = "repeat-request"  # the network delivers it twice
    HANG = "hang"  # no answer ever comes; the watchdog has to give up
    ACK_LAST = "ack-last"  # the acknowledgement comes after the fill
    THROTTLE = "throttle"  # 429: nothing is sent, come back later
    REFUSE = "refuse"
    ADAPTER_BUG = "adapter-bug"  # the adapter raises what no contract names

    # what reads show
    FAIL_READ = "fail-read"
    STALE_READ = "stale-read"  # positions lag the fills
    HIDE_ORDER = "hide-order"  # "not found" for a while after acceptance
    FAIL_MARKETS = "fail-markets"

    # orders
    SLOW_FILL = "slow-fill"  # accepted first, filled in parts later
    EXPIRE_REST = "expire-rest"  # filled in part, then expired
    STICK_CANCEL = "stick-cancel"
    FILL_FIRST = "fill-first"  # the order fills while its cancel is on the way

    # the stream
    LOSE_NEWS = "lose-news"
    LATE_NEWS = "late-news"  # so news overtakes news
    REPEAT_NEWS = "repeat-news"
    REPLAY_TRADES = "replay-trades"  # a link that comes up again tells everything once more

    # our own process
    CRASH = "crash"  # at a message, sent or answered, or a commit, before or after
    CRASH_ANYWHERE = "crash-anywhere"  # between any two steps of its tasks
    COMMIT_LOST = "commit-lost"  # raises, and is gone
    COMMIT_LIES = "commit-lies"  # raises, and is durable all the same
    SLOW_COMMIT = "slow-commit"

    # clients
    DISCONNECT = "disconnect"
    RESEND = "resend"  # the same call again, though the first one lives
    CROWD = "crowd"  # many press at once, and press again

    # what kind of venue it is: counted where it was felt, or once where it is always so
    NO_REDUCE_ONLY = "no-reduce-only"
    COUNTS_RESTING = "counts-resting"  # resting orders use up what may be reduced
    REFUSED_ID = "refused-id"  # an id that the venue remembers
    FREEZE_QUANTITY = "freeze-quantity"  # more is held than one order may close
    MINIMUM_LOT = "minimum-lot"  # less is held than the smallest order
    MINIMUM_NOTIONAL = "minimum-notional"  # refused: worth too little

    # planned at times of their own (plan.py)
    FOREIGN_TRADE = "foreign-trade"
    LIQUIDATION = "liquidation"
    FOREIGN_ORDER = "foreign-order"
    OWN_ORDER = "own-order"  # a client's own order through the server
    CLOSED_MARKET = "closed-market"
    AUCTION = "auction"
    RESERVED = "reserved"
    BANDS = "bands"
    THIN_BOOK = "thin-book"
    LOCKED_MARGIN = "locked-margin"  # frees only after another leg is closed
    CANCEL_ALL = "cancel-all"  # somebody's: capped, and one order after the other
    MODE_SWITCH = "mode-switch"  # a netting account becomes a hedged one
    BAN = "ban"  # 418: nothing is answered for a while, whatever is asked
    LINK_CUT = "link-cut"
    CLOCK_JUMP = "clock-jump"
    FULL_DISK = "full-disk"
    STOP = "stop"  # the process dies at a moment of the plan
    SECOND_SERVER = "second-server"  # another one takes the journal while the first one lives
    CANCEL_CALL = "cancel-call"
    PRICE_JUMP = "price-jump"


class Strike(NamedTuple):
    """The *number*-th time dice of one kind were thrown, and it happened."""

    kind: FaultKind
    number: int


class Weather:
    """Decides, each time it is asked, whether something goes wrong."""

    def __init__(
        self,
        seed: int,
        rates: Mapping[FaultKind, float],
        without: frozenset[Strike],
        note: Callable[[str, object], None],
    ) -> None:
        self._seed = seed
        self._rates = rates
        self._without = without
        self._note = note
        self._dice: dict[FaultKind, Random] = {}
        self._thrown: Counter[FaultKind] = Counter()
        self.strikes: list[Strike] = []
        self.injected: Counter[FaultKind] = Counter()
        self.is_calm = False

    def strikes_now(self, kind: FaultKind, of: object = "") -> bool:
        """Whether a fault of *kind* happens here and now."""
        rate = self._rates.get(kind, 0.0)
        if not rate or self.is_calm:
            return False
        self._thrown[kind] += 1
        strike = Strike(kind, self._thrown[kind])
        if self._random(kind).random() >= rate or strike in self._without:
            return False
        self.strikes.append(strike)
        self.count(kind)
        self._note(f"fault {kind.value}", of)
        return True

    def count(self, kind: FaultKind) -> None:
        """A fault happened that was planned."""
        self.injected[kind] += 1

    def between(self, kind: FaultKind, low: float, high: float) -> float:
        """How much of it: seconds, mostly."""
        return self._random(kind).uniform(low, high)

    def one_of(self, kind: FaultKind, count: int) -> int:
        return self._random(kind).randrange(count)

    def _random(self, kind: FaultKind) -> Random:
        dice = self._dice.get(kind)
        if dice is None:
            dice = self._dice[kind] = Random(f"{self._seed}/{kind.value}")
        return dice
