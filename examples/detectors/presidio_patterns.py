"""Presidio's pattern recognisers, without a language model.

python3 -m venv /opt/presidio && /opt/presidio/bin/pip install presidio-analyzer==2.2.366
THREADVAULT_DETECTOR_PYTHON=/opt/presidio/bin/python
THREADVAULT_DETECTOR_MODULE=/etc/threadvault/presidio_patterns.py
"""

import tldextract

tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # It would go online for a list of suffixes.

from presidio_analyzer import RecognizerRegistry  # noqa: E402 - after the line that keeps it offline

TYPES = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "CREDIT_CARD": "CARD", "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP",
    "US_SSN": "SSN", "US_PASSPORT": "PASSPORT", "URL": "URL",
}  # fmt: skip
THRESHOLD = 0.35


def recognisers() -> list[object]:
    """The recognisers that need no model."""
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    return [one for one in registry.recognizers if type(one).__name__ != "SpacyRecognizer"]


ALL = recognisers()


def detect(texts: list[str], lang: str) -> list[list[tuple[int, int, str]]]:
    """Return for each text what any recogniser is sure enough of; a type that the vault does not know is CUSTOM there."""
    return [_found(text) for text in texts]


def _found(text: str) -> list[tuple[int, int, str]]:
    found = [one for each in ALL for one in each.analyze(text, each.supported_entities, None) or []]
    return [(one.start, one.end, TYPES.get(one.entity_type, "CUSTOM")) for one in found if one.score >= THRESHOLD]
