"""What a scan yields: where, of which type, how sure, by which rule; never the text itself."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The product's own names of sensitive types; they stand in marks of redaction such as `[PHONE·a91f]`.

    No detector here finds a TERM or a CUSTOM: they are what a tenant's own list or pattern names.
    """

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    IP = "IP"
    RESIDENT_ID = "RESIDENT_ID"
    API_KEY = "API_KEY"
    PASSWORD = "PASSWORD"  # noqa: S105  # nosec B105 - the name of a type, not a secret
    PRIVATE_KEY = "PRIVATE_KEY"
    IBAN = "IBAN"
    SSN = "SSN"
    POSTCODE = "POSTCODE"
    ZIP = "ZIP"
    PASSPORT = "PASSPORT"
    CREDIT_CODE = "CREDIT_CODE"
    PLATE = "PLATE"
    QQ = "QQ"
    WECHAT = "WECHAT"
    URL = "URL"
    ADDRESS = "ADDRESS"
    PERSON = "PERSON"
    USERNAME = "USERNAME"
    BIRTH_DATE = "BIRTH_DATE"
    TERM = "TERM"
    CUSTOM = "CUSTOM"


class Tier(StrEnum):
    """How a finding is backed; there is no float threshold to argue about.

    `validated`: a checksum, a numbering plan or an unmistakable form. `contextual`: the form fits and a word near it
    (or the key of the JSON member) says what it is. `weak`: the form alone; off by default.
    """

    VALIDATED = "validated"
    CONTEXTUAL = "contextual"
    WEAK = "weak"


STRENGTH = {Tier.VALIDATED: 2, Tier.CONTEXTUAL: 1, Tier.WEAK: 0}


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points of the original text."""

    start: int
    end: int
    type: Kind
    tier: Tier
    rule: str
