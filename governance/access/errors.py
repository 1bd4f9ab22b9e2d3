"""Refusals of the access part: one base, a stable code each, and a sentence that says how to get further."""


class AccessDenied(Exception):
    """No grant was given. `code` is stable; the text says why and what would help, never what is in the resource.

    `policies` names those that forbade it, for the record and for whoever may explain; the answer does not show them.
    """

    def __init__(self, code: str, text: str, *, policies: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.policies = policies


class OpeningRefused(AccessDenied):
    """A grant exists, or should, but does not allow this opening here and now."""


class PolicyInvalid(Exception):
    """A policy text does not pass the schema; says where."""

    code = "access.policy_invalid"


class EmergencyRefused(Exception):
    """A break-glass cannot be asked for, opened, ended or reviewed like this."""

    code = "access.emergency"


class UnknownBreakGlass(EmergencyRefused):
    """This tenant has no such break-glass."""

    code = "access.break_glass_unknown"


class PolicyRefused(Exception):
    """A policy cannot be drafted, activated or retired like this."""

    code = "access.policy"


class UnknownPolicy(Exception):
    """This tenant has no such policy."""

    code = "access.policy_unknown"


class ChangedSince(Exception):
    """A policy is not as its asker saw it any more, or another version is in force by now."""

    code = "access.changed"


class PurposeRefused(Exception):
    """A purpose or a lawful basis is not one that the tenant knows, or cannot be added."""

    code = "access.purpose"
