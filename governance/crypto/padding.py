"""PADMÉ padding, so that the length of a sealed text tells at most O(log log n) bits of its length.

Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019,
section 4. The padded text is `u32 length | text | zeros`, big-endian.
"""

import struct

from governance.crypto.errors import CannotOpen, TooLarge

LIMIT = 2**31 - 1
_LENGTH = struct.Struct(">I")


def padded_size(size: int) -> int:
    """Return the PADMÉ size in bytes for a text of `size` bytes (at most 12 % more, less for longer texts)."""
    if size < 2:  # noqa: PLR2004 - log2(log2(1)) does not exist
        return size
    exponent = size.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (size + mask) & ~mask


def pad(text: bytes) -> bytes:
    """Return `text` with its length in front and zeros behind. Raises TooLarge over 2^31 - 1 bytes."""
    size = len(text)
    if size > LIMIT:
        raise TooLarge(f"A sealed value holds at most {LIMIT} bytes; this one has {size}. Split it.")
    return _LENGTH.pack(size) + text + bytes(padded_size(size + 4) - size - 4)


def unpad(padded: bytes) -> bytes:
    """Return the text of `pad`. Raises CannotOpen where length or filler are not what `pad` writes."""
    if len(padded) < _LENGTH.size:
        raise CannotOpen from None
    (size,) = _LENGTH.unpack_from(padded)
    filler = len(padded) - 4 - size
    if padded_size(size + 4) != len(padded) or padded.count(0, 4 + size) != filler:
        raise CannotOpen from None
    return padded[4 : 4 + size]
