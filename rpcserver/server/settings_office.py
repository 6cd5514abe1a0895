"""
Preferences and the policy: what stands, for whom it exists, and who may change it.

The deployment's own settings are the bounds: whoever runs the machine says what it can bear, and
no token lifts that over the wire. Within them the policy wins, from the moment it is durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from rpcserver.apis.decoding import nearest
from rpcserver.apis.registry import ClosingApi, Registry
from rpcserver.apis.setting_queries import Allowed, ChangePolicy, ChangePreferences, StandingPolicy
from rpcserver.core.standing import DirectiveSet, Word
from rpcserver.domain.directive import POLICY, Policy, Preferences
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import AccountRef, PrincipalId
from rpcserver.domain.policy import Rate, RateOf
from rpcserver.domain.principal import EVERY_ACCOUNT, Permission, Principal, are_granted
from rpcserver.server.limits import Limits
from rpcserver.server.ports import Engine

EXIT_RATE_MIN = 1.0  # a second: no policy holds an exit up for longer than the seeds' own limits


class SettingsOffice:
    """Tells and changes preferences and the policy, for one principal at a time."""

    def __init__(self, engine: Engine, registry: Registry, limits: Limits) -> None:
        self._engine = engine
        self._registry = registry
        self._limits = limits

    # --- preferences ---------------------------------------------------------------------------

    def preferences_of(self, principal: Principal) -> Preferences | None:
        """The caller's own, as its calls take from them; None where it has none."""
        record = self._preferences(principal, principal.principal_id)
        if record is None:
            return None
        kept = record.directive
        assert isinstance(kept, Preferences), "its name says so"
        return kept

    def preferences(self, principal: Principal, user: PrincipalId) -> DirectiveSet | None:
        """
        What stands for *user*, as far as it exists for *principal*.

        Of preferences that name an account out of reach nothing is told, and nothing is taken.
        """
        return self._preferences(principal, user)

    async def change_preferences(
        self, principal: Principal, query: ChangePreferences, remote: str
    ) -> DirectiveSet:
        """
        Let preferences stand.

        Raises:
            InvalidRequest: `unknown_user`: no token speaks for the user, or one over more accounts
                than the principal's; `forbidden`: what stands reaches further.
        """
        blank = Preferences(user=query.user)
        stands = self._engine.directives.get(blank.name)
        if stands is not None and self._preferences(principal, query.user) is None:
            raise InvalidRequest("forbidden", "what stands reaches further than your own grants")
        if query.user != principal.principal_id:
            await self._check_user(principal, query.user)
        kept = stands.directive if stands is not None else blank
        changed = msgspec.structs.replace(kept, **query.changes)
        await self._engine.lay_down(changed, _word(principal, query.reason, remote))
        return self._engine.directives[blank.name]

    def _preferences(self, principal: Principal, user: PrincipalId) -> DirectiveSet | None:
        record = self._engine.directives.get(Preferences(user=user).name)
        if record is None:
            return None
        kept = record.directive
        assert isinstance(kept, Preferences), "its name says so"
        return record if all(principal.may_touch(account) for account in kept.accounts) else None

    async def _check_user(self, principal: Principal, user: PrincipalId) -> None:
        now = datetime.now(UTC)
        rows = [row for row in await self._engine.journal.tokens() if row.principal == user]
        good = [row for row in rows if row.is_good(now)]
        if not good or not all(are_granted(principal.accounts, row.accounts) for row in good):
            raise InvalidRequest(
                "unknown_user", f"user: no token within your grants is {user[:64]!r}'s"
            )

    # --- the policy ----------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """What is in force now."""
        record = self._engine.directives.get(POLICY)
        if record is None:
            return _NO_POLICY
        kept = record.directive
        assert isinstance(kept, Policy), "its name says so"
        return kept

    def told_policy(self, principal: Principal) -> StandingPolicy:
        """The policy as far as it concerns *principal*: whoever administers everything sees all."""
        record = self._engine.directives.get(POLICY)
        if record is not None and not _rules_everything(principal):
            record = msgspec.structs.replace(record, directive=_narrowed(principal, self.policy))
        limits = self._limits
        return StandingPolicy(
            record=record,
            allowed=Allowed(
                calls_per_second=limits.calls_per_second,
                calls_burst=limits.calls_burst,
                closing_calls_per_second=limits.closing_calls_per_second,
                closing_calls_burst=limits.closing_calls_burst,
            ),
        )

    async def change_policy(
        self, principal: Principal, query: ChangePolicy, remote: str
    ) -> StandingPolicy:
        """
        Let the policy say something else.

        Raises:
            InvalidRequest: `forbidden`: the principal's grants are not everything;
                `invalid_argument`: a rate beyond the deployment's, or of an api that is not there;
                `unknown_token`.
        """
        if not _rules_everything(principal):
            raise InvalidRequest("forbidden", "the policy is for all: your grants are narrower")
        changed = msgspec.structs.replace(self.policy, **query.changes)
        for place, rate in enumerate(changed.rates):
            self._check_rate(rate, f"rates[{place}]")
        await self._check_tokens(changed.rates)
        await self._engine.lay_down(changed, _word(principal, query.reason, remote))
        return self.told_policy(principal)

    async def _check_tokens(self, rates: Sequence[Rate]) -> None:
        """One that was revoked since its rate was laid down is still known."""
        named = [rate.name for rate in rates if rate.of is RateOf.TOKEN]
        known = {row.token_id for row in await self._engine.journal.tokens()} if named else set()
        for name in named:
            if name not in known:
                raise InvalidRequest("unknown_token", f"rates: no token {name[:64]!r}")

    def _check_rate(self, rate: Rate, key: str) -> None:
        limits = self._limits
        most, at_once = limits.calls_per_second, limits.calls_burst
        if rate.of is RateOf.API:
            api = self._registry.find(rate.name)
            if api is None:
                near = nearest(rate.name, self._registry.names)
                raise InvalidRequest("invalid_argument", f"{key}.api: no such api{near}")
            if isinstance(api, ClosingApi) or api.permission in EXITING:
                most, at_once = limits.closing_calls_per_second, limits.closing_calls_burst
                if rate.per_second < EXIT_RATE_MIN:
                    raise InvalidRequest(
                        "invalid_argument", f"{key}.perSecond: of an exit at least {EXIT_RATE_MIN}"
                    )
        if rate.per_second > most or rate.burst > at_once:
            raise InvalidRequest(
                "invalid_argument",
                f"{key}: the deployment allows {most:g} a second and {at_once} at once",
            )


EXITING = frozenset({Permission.CLOSE, Permission.HALT})
"""Rights whose calls wait for their turn, and are never refused for being too many."""

_NO_POLICY = Policy()


def _rules_everything(principal: Principal) -> bool:
    return principal.may(Permission.ADMINISTER) and EVERY_ACCOUNT in principal.accounts


def _narrowed(principal: Principal, policy: Policy) -> Policy:
    """What of *policy* is about *principal*: nothing that names what is not there for it."""

    def exists(accounts: Iterable[AccountRef]) -> bool:
        return all(principal.may_touch(account) for account in accounts)

    return msgspec.structs.replace(
        policy,
        rates=tuple(rate for rate in policy.rates if _is_about(principal, rate)),
        thresholds=tuple(each for each in policy.thresholds if exists(each.accounts)),
        hours=tuple(each for each in policy.hours if exists(each.accounts)),
        sizes=tuple(each for each in policy.sizes if exists(each.accounts)),
    )


def _is_about(principal: Principal, rate: Rate) -> bool:
    match rate.of:
        case RateOf.API:
            return True
        case RateOf.ROLE:
            return any(role.value == rate.name for role in principal.roles)
        case RateOf.TOKEN:
            return rate.name == principal.token_id
        case RateOf.ACCOUNT:
            return are_granted(principal.accounts, (rate.name,))


def _word(principal: Principal, reason: str, remote: str) -> Word:
    return Word(principal=principal.principal_id, reason=reason, remote=remote)
