"""The states of a key version, which may follow which, and what each may do (NIST SP 800-57 part 1 revision 5, section 7).

Stricter than the standard in one place: nothing is destroyed out of `active` or `suspended`. A version is deactivated
first, so that what it wraps can move on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from governance.keys.errors import BadTransition
from governance.keys.models import KeyVersion

State = KeyVersion.State
FOLLOWS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        State.PRE_ACTIVATION: frozenset({State.ACTIVE, State.COMPROMISED, State.DESTROYED}),
        State.ACTIVE: frozenset({State.SUSPENDED, State.DEACTIVATED, State.COMPROMISED}),
        State.SUSPENDED: frozenset({State.ACTIVE, State.DEACTIVATED, State.COMPROMISED}),
        State.DEACTIVATED: frozenset({State.COMPROMISED, State.DESTROYED}),
        State.COMPROMISED: frozenset({State.DESTROYED}),
        State.DESTROYED: frozenset(),
    }
)
SEALS: Final = frozenset({State.ACTIVE})
BELOW_MINIMUM: Final = "below the minimum"  # Not a state: what a version is treated as that its ring accepts no more.
OPENS: Final = frozenset({State.ACTIVE, State.DEACTIVATED})
OPENS_IN_EMERGENCIES: Final = OPENS | {State.COMPROMISED}


def check(before: str, after: str) -> None:
    """Raise BadTransition unless `after` may follow `before`."""
    if after not in FOLLOWS[before]:
        may = ", ".join(sorted(FOLLOWS[before])) or "nothing"
        raise BadTransition(f"A version that is {before} does not become {after}; what may follow: {may}.")


def opens(state: str | None, *, emergency: bool = False) -> bool:
    """Return whether a version in this state unwraps; `emergency`: for break-glass, which reads compromised versions."""
    return state in (OPENS_IN_EMERGENCIES if emergency else OPENS)
