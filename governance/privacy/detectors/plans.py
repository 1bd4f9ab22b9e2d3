"""Numbering plans: which form a run of digits has and which plan confirms it."""

import itertools
import re
from dataclasses import dataclass, field

import phonenumbers

from governance.privacy.detectors.spans import Tier

Verdict = tuple[Tier, str]

_TRUNK = re.compile(r"\(0\)")
_DATE = re.compile(
    r"(?:1[89]|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?: \d{1,2})?|"
    r"(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|[12]\d|3[01])[-/. ](?:1[89]|20)\d\d(?: \d{1,2})?|"
    r"(?:1[89]|20)\d\d ?[-/] ?(?:1[89]|20)\d\d|(?:1[89]|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?"
)
_DECIMAL = re.compile(r"\d{1,12}\.\d{1,15}(?:[ /-]{1,2}\d{1,12}(?:\.\d{1,15})?)?")
_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_RANGE = re.compile(r"(\d{3,5}) ?- ?(\d{3,5})")
# The form of a social security number of the United States; a rule of its own finds those.
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_BOOK = re.compile(r"97[89][ -]\d{1,5}[ -]\d{1,7}[ -]\d{1,7}[ -]\d")
_OTHER = re.compile("|".join(f"(?:{shape.pattern})" for shape in (_DATE, _DECIMAL, _QUAD, _BOOK, _SSN)))
_SEQUENCE = "01234567890123456789"
_CN_MOBILE = re.compile(r"1[3-9]\d{9}")
_CN_LANDLINE = re.compile(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}")
_CN_SERVICE = re.compile(r"[48]00[1-9]\d{6}")
_UK = re.compile(r"0[1-9]\d{8,9}")
_US = re.compile(r"1?[2-9]\d{9}")
_MOBILE_FORMS = frozenset({(11,), (3, 4, 4), (3, 8), (7, 4), (3, 3, 5), (3, 4, 2, 2)})
_US_FORMS = frozenset({(3, 3, 4), (1, 3, 3, 4), (3, 7), (1, 10)})
_E164_FEWEST, _E164_MOST, _LOCAL_MOST = 8, 15, 13
_US_LENGTH = 10
_FR = re.compile(r"0[1-79]\d{8}")
_PAIRS = (2, 2, 2, 2, 2)
_WITH_CODE = 13
_EXTENSION = re.compile(r"(?i:(?<=\d) ?(?:x|ext\.? ?|extension |#|转|分机号?) ?|(?<=\d{8})-|(?<=\d{4}-\d{7})-)(\d{1,6})$")


def is_another(source: str) -> bool:
    """Tell whether a run without `+` is a date, a decimal, a quad, a book number or a social security number."""
    return _OTHER.fullmatch(source) is not None


@dataclass(frozen=True, slots=True)
class Number:
    """A candidate: its digits, the lengths of its groups, and whether it is written with + or 00."""

    source: str = field(repr=False)
    digits: str = field(repr=False)
    form: tuple[int, ...]
    plus: bool
    international: bool

    @classmethod
    def read(cls, source: str) -> "Number":
        """Take a run of digits and separators apart."""
        plus = "+" in source[:3]
        plain = _TRUNK.sub(" ", source) if plus else source
        groups = re.findall(r"\d+", plain)
        digits = "".join(groups)
        international = plus or (digits.startswith("00") and len(digits) > _E164_FEWEST + 2)
        return cls(source, digits, tuple(map(len, groups)), plus, international)

    def excluded(self) -> bool:
        """Tell whether the run is a date, a decimal, a quad, a range, a book number or a counting sequence."""
        if self.plus:
            return False
        if is_another(self.source):
            return True
        return self._is_range() or self.digits in _SEQUENCE or len(set(self.digits)) == 1

    def _is_range(self) -> bool:
        match = _RANGE.fullmatch(self.source)
        if match is None:
            return False
        low, high = match[1], match[2]
        return len(low) == len(high) and low[0] == high[0] and low < high


def _assigned(country: int) -> re.Pattern[str]:
    """Join what the metadata of all regions of a country code say of numbers of any type.

    The same answer as `phonenumbers.is_valid_number` gives, at a tenth of its cost.
    """
    kinds = (
        "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan",
        "voicemail",
    )  # fmt: skip
    found = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[country]:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        for kind in kinds:
            described = getattr(metadata, kind, None)
            if described is not None and described.national_number_pattern:
                found.add(described.national_number_pattern)
    return re.compile("|".join(f"(?:{one})" for one in sorted(found)))


_ASSIGNED = {country: _assigned(country) for country in (1, 33, 44, 86)}


def _valid(country: int, national: str) -> bool:
    return _ASSIGNED[country].fullmatch(national) is not None


def _known(digits: str) -> bool:
    return any(digits.startswith(str(country)) and _valid(country, digits[len(str(country)) :]) for country in _ASSIGNED)


def _international(number: Number) -> Verdict | None:
    digits = number.digits if number.plus else number.digits[2:]
    if not _E164_FEWEST <= len(digits) <= _E164_MOST:
        return None
    if _known(digits):
        return Tier.VALIDATED, "phone-international"
    try:
        parsed = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    possible = number.plus and phonenumbers.is_possible_number(parsed)
    if possible or phonenumbers.is_valid_number(parsed):
        return Tier.VALIDATED, "phone-international"
    return Tier.CONTEXTUAL, "phone-international"


def _chinese(number: Number) -> Verdict | None:
    digits, form = number.digits, number.form
    if digits.startswith("86") and len(digits) == _WITH_CODE:
        digits, form = digits[2:], (form[1:] if form[0] == len("86") else (11,))
    if _CN_MOBILE.fullmatch(digits) and form in _MOBILE_FORMS:
        return (Tier.VALIDATED if _valid(86, digits) else Tier.CONTEXTUAL), "phone-cn-mobile"
    if _CN_LANDLINE.fullmatch(digits) and _valid(86, digits[1:]):
        return Tier.VALIDATED, "phone-cn-landline"
    if _CN_SERVICE.fullmatch(digits):
        return (Tier.VALIDATED if "-" in number.source else Tier.CONTEXTUAL), "phone-cn-service"
    return None


def _british(number: Number) -> Verdict | None:
    if _UK.fullmatch(number.digits) and _valid(44, number.digits[1:]):
        return Tier.VALIDATED, "phone-gb"
    return None


def _french(number: Number) -> Verdict | None:
    """Confirm what is written in pairs, as nobody else writes ten digits; pairs that only count up are a list."""
    if number.form != _PAIRS or not _FR.fullmatch(number.digits) or not _valid(33, number.digits[1:]):
        return None
    pairs = [int(number.digits[place : place + 2]) for place in range(0, 10, 2)]
    listed = len({later - earlier for earlier, later in itertools.pairwise(pairs)}) == 1
    return None if listed else (Tier.VALIDATED, "phone-fr")


def _american(number: Number) -> Verdict | None:
    if not _US.fullmatch(number.digits):
        return None
    if number.form in _US_FORMS:
        dashed = "-" in number.source or ")" in number.source
        known = _valid(1, number.digits[-_US_LENGTH:])
        return (Tier.VALIDATED if known or dashed else Tier.CONTEXTUAL), "phone-us"
    if len(number.form) == 1 and _valid(1, number.digits[-_US_LENGTH:]):
        return Tier.WEAK, "phone-us-bare"
    return None


def classify(number: Number) -> Verdict | None:
    """Name the plan of a number; a CONTEXTUAL or WEAK verdict holds only where a word of context stands near."""
    if number.plus:
        return _international(number)
    for plan in (*((_international,) if number.international else ()), _chinese, _british, _french, _american):
        verdict: Verdict | None = plan(number)
        if verdict:
            return verdict
    return (Tier.CONTEXTUAL, "phone-local") if len(number.digits) <= _LOCAL_MOST else None


def canonical(source: str) -> str:
    """Return E.164 with the extension behind `;ext=` where a plan knows the number, the bare digits elsewhere."""
    match = _EXTENSION.search(source)
    main, extension = (source[: match.start()], f";ext={match[1]}") if match else (source, "")
    number = Number.read(main)
    if number.plus:
        return f"+{number.digits}{extension}"
    for plan, country in ((_chinese, "+86"), (_british, "+44"), (_french, "+33"), (_american, "+1")):
        if plan(number):
            return country + _national(number.digits, country[1:]) + extension
    digits = number.digits
    return (f"+{digits[2:]}" if number.international else digits) + extension


def _national(digits: str, country: str) -> str:
    """Drop a country code or a trunk zero in front of a number that its plan has confirmed."""
    if country in {"33", "44"}:
        return digits[1:]
    if country == "86":
        return digits[2:] if len(digits) == _WITH_CODE and digits.startswith("86") else digits.removeprefix("0")
    return digits[-_US_LENGTH:]
