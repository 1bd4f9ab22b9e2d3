"""Errors of the privacy part."""


class PrivacyError(Exception):
    """Base of this part."""

    code = "privacy.error"


class Held(PrivacyError):
    """A legal hold keeps this from being destroyed."""

    code = "privacy.held"


class UnknownSubject(PrivacyError):
    """The tenant knows no person by this reference."""

    code = "privacy.unknown_subject"


class WrongPlace(PrivacyError):
    """A record has no such place, or a place in its redacted text cannot be told in its original."""

    code = "findings.place"
