"""A sealed value as Python sees it: an envelope that shows nothing.

Text comes out of it only through `vault.reading`, under a grant.
"""

from typing import Any, NoReturn

from governance.crypto.envelope import SMALLEST, data_key_of


class Sealed:
    """An envelope. It has no text in repr, str or format, refuses pickle and copy, and is equal only to itself."""

    __slots__ = ("envelope",)

    def __init__(self, envelope: bytes) -> None:
        data_key_of(envelope)
        self.envelope = envelope

    @property
    def size(self) -> int:
        """Bytes of the envelope."""
        return len(self.envelope)

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("<sealed>", spec)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A sealed value is not pickled: it leaves the process through vault.reading or not at all.")

    def __copy__(self) -> NoReturn:
        raise TypeError("A sealed value is not copied.")

    def __deepcopy__(self, memo: Any) -> NoReturn:
        raise TypeError("A sealed value is not copied.")


def is_envelope(value: bytes) -> bool:
    """Return whether the bytes have at least the size of an envelope."""
    return len(value) >= SMALLEST
