"""The product's types in the label names of the shared scorer (`manage.py detect --spans` prints these)."""

from typing import Final

from governance.privacy.detectors.spans import Kind, Span, Tier

SCORER_LABELS: Final = {
    Kind.EMAIL: "EMAIL",
    Kind.PHONE: "PHONE",
    Kind.CARD: "CREDIT_CARD",
    Kind.IP: "IP",
    Kind.RESIDENT_ID: "CN_ID",
    Kind.API_KEY: "SECRET",
    Kind.PASSWORD: "SECRET",
    Kind.PRIVATE_KEY: "SECRET",
    Kind.IBAN: "IBAN",
    Kind.SSN: "US_SSN",
    Kind.POSTCODE: "UK_POSTCODE",
    Kind.ZIP: "ZIP",
    Kind.PASSPORT: "PASSPORT",
    Kind.CREDIT_CODE: "CN_USCC",
    Kind.PLATE: "CN_PLATE",
    Kind.QQ: "QQ",
    Kind.WECHAT: "WECHAT",
    Kind.URL: "URL",
    Kind.ADDRESS: "ADDRESS",
    Kind.PERSON: "PERSON",
    Kind.USERNAME: "USERNAME",
    Kind.BIRTH_DATE: "DOB",
    Kind.TERM: "TERM",
    Kind.CUSTOM: "CUSTOM",
}
# What the product masks has at least 0.5; the tier, not the number, is what decides in the product.
SCORES: Final = {Tier.VALIDATED: 1.0, Tier.CONTEXTUAL: 0.75, Tier.WEAK: 0.25}


def scorer_row(span: Span) -> tuple[int, int, str, float]:
    """Return `(start, end, label, score)` of one span as the scorer reads it."""
    return span.start, span.end, SCORER_LABELS[span.type], SCORES[span.tier]
