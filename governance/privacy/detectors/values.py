"""One normal form for a value in all its spellings, so that its pseudonym is stable."""

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from governance.privacy.detectors import plans
from governance.privacy.detectors.characters import document

_SEPARATORS = re.compile(r"[\s.\-/\u00b7]")
_LINE_ENDS = re.compile(r"\\[nr]|\s")


def _address(value: str) -> str:
    try:
        return ipaddress.ip_address(value).compressed
    except ValueError:
        return value


def _bare(value: str) -> str:
    return _SEPARATORS.sub("", value).upper()


def _words(value: str) -> str:
    return " ".join(value.casefold().split())


def _email(value: str) -> str:
    return value.lower().replace("%40", "@")


def _key(value: str) -> str:
    return _LINE_ENDS.sub("", value)


_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "EMAIL": _email,
    "PHONE": plans.canonical,
    "IP": lambda value: _address(value.lower()),
    "PRIVATE_KEY": _key,
    **dict.fromkeys(
        ("CARD", "RESIDENT_ID", "IBAN", "SSN", "PASSPORT", "CREDIT_CODE", "PLATE", "QQ", "POSTCODE", "ZIP"), _bare
    ),
    **dict.fromkeys(("WECHAT", "USERNAME", "ADDRESS", "PERSON", "BIRTH_DATE", "TERM", "CUSTOM"), _words),
}


def normalise(kind: str, value: str) -> str:
    """Return the normal form of a value of type `kind`; the value of an unknown type keeps all but its edges.

    E-mail, names and addresses in lower case; numbers of cards, papers and plates bare and in upper case; addresses of
    the network compressed (RFC 5952); phones as E.164 where a plan knows the number; keys without line ends. Pure; the
    result is content and is never stored.
    """
    plain = document(value).text.strip()
    form = _FORMS.get(kind)
    return form(plain) if form else plain
