"""Refusals of the access part: one base, a stable code each, and a sentence that says how to get further."""


class AccessDenied(Exception):
    """No grant was given. `code` is stable; the text says why and what would help, never what is in the resource."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OpeningRefused(AccessDenied):
    """A grant exists, or should, but does not allow this opening here and now."""


class PolicyInvalid(Exception):
    """A policy text does not pass the schema; says where."""

    code = "access.policy_invalid"
