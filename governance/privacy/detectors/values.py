"""One normal form for a value in all its spellings, so that its pseudonym is stable."""

import ipaddress
import re

from governance.privacy.detectors import plans
from governance.privacy.detectors.characters import document

_SEPARATORS = re.compile(r"[\s.\-/]")
_LINE_ENDS = re.compile(r"\\[nr]|\s")


def _address(value: str) -> str:
    try:
        return ipaddress.ip_address(value).compressed
    except ValueError:
        return value


def normalise(kind: str, value: str) -> str:
    """Return the normal form of a value of type `kind`; the value of an unknown type keeps all but its edges.

    E-mail in lower case, card and resident numbers bare and in upper case, addresses compressed (RFC 5952), phones as
    E.164 where a plan knows the number, keys without line ends. Pure; the result is content and is never stored.
    """
    plain = document(value).text.strip()
    match kind:
        case "EMAIL":
            return plain.lower().replace("%40", "@")
        case "PHONE":
            return plans.canonical(plain)
        case "CARD" | "RESIDENT_ID":
            return _SEPARATORS.sub("", plain).upper()
        case "IP":
            return _address(plain.lower())
        case "PRIVATE_KEY":
            return _LINE_ENDS.sub("", plain)
        case _:
            return plain
