"""Errors of the cryptographic part: one base, stable codes, and a single opaque answer to every failed opening."""


class CryptoError(Exception):
    """Base of this part; `code` is stable and safe to show."""

    code = "crypto.error"


class CannotOpen(CryptoError):
    """The bytes do not open under this key at this place.

    One class and one message for every cause (tag, commitment, key id, padding, length), so that an attacker learns
    nothing from the kind of failure.
    """

    code = "crypto.cannot_open"

    def __init__(self) -> None:
        super().__init__("The sealed value does not open under this key at this place.")


class UnknownFormat(CannotOpen):
    """Magic, algorithm or flags name nothing that this version knows; refused before any key is touched."""


class TooLarge(CryptoError):
    """The plaintext is over the limit of an envelope."""

    code = "crypto.too_large"
