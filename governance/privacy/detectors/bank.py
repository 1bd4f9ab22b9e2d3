"""International bank account numbers: ISO 13616-1, length by country, check digits by ISO/IEC 7064 MOD 97-10."""

from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import WORD, Document, continues
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_HEAD = pattern(rb"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{2}")
# The SWIFT registry of IBAN formats: characters in all, by country.
LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
_REMAINDER: Final = 1


def checked(number: str) -> bool:
    """Check the two digits behind the country: ISO/IEC 7064, MOD 97-10, over the number without separators."""
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == _REMAINDER


def _end(doc: Document, start: int, length: int) -> int | None:
    """Return where `length` letters and digits from `start` end, single spaces and dashes between them left out."""
    position, taken = start, 0
    while taken < length:
        char = doc.char(position)
        if char in (" ", "-") and doc.char(position + 1) in WORD:
            position += 1
            char = doc.char(position)
        if not char or char not in WORD or char == "_":
            return None
        position, taken = position + 1, taken + 1
    return position


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield account numbers, bare or in groups, in either case."""
    for match in _HEAD.finditer(doc.image, low, high):
        budget.spend()
        start = match.start()
        length = LENGTHS.get(doc.text[start : start + 2].upper())
        if length is None or continues(doc, start):
            continue
        end = _end(doc, start, length)
        if end is None or doc.char(end) in WORD:
            continue
        if checked(doc.text[start:end].replace(" ", "").replace("-", "")):
            yield Span(start, end, Kind.IBAN, Tier.VALIDATED, "iban")


RULES = (Rule("iban", rb"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{4}", find),)
