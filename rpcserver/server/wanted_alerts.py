"""Which alerts a user wants to be told on the channel; the log and the audit have all of them."""

from __future__ import annotations

from collections.abc import Mapping

from rpcserver.core.standing import DirectiveSet
from rpcserver.domain.directive import Preferences
from rpcserver.domain.ids import DirectiveName
from rpcserver.domain.principal import Principal


def wants_alert(
    directives: Mapping[DirectiveName, DirectiveSet], principal: Principal, code: str
) -> bool:
    """Whether *principal* is to be told of alerts of this code: of all, unless it said which."""
    record = directives.get(Preferences(user=principal.principal_id).name)
    if record is None or not isinstance(record.directive, Preferences):
        return True
    wanted = record.directive.alerts
    return wanted is None or code in wanted
