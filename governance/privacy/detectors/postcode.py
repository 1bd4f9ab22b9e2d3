"""Postcodes of the United Kingdom: BS 7666, the 124 areas of Royal Mail, letters that the inward code never has."""

import re
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

# Outward and inward code; in the latter an `o` may be a mistyped zero.
_CANDIDATE = pattern(rb"([A-Za-z]{1,2})([0-9][A-Za-z0-9]?) {0,2}([0-9Oo][ABDEFGHJLNPQRSTUWXYZabdefghjlnpqrstuwxyz]{2})")
AREAS: Final = frozenset(
    [
        "AB",
        "AL",
        "B",
        "BA",
        "BB",
        "BD",
        "BH",
        "BL",
        "BN",
        "BR",
        "BS",
        "BT",
        "CA",
        "CB",
        "CF",
        "CH",
        "CM",
        "CO",
        "CR",
        "CT",
        "CV",
        "CW",
        "DA",
        "DD",
        "DE",
        "DG",
        "DH",
        "DL",
        "DN",
        "DT",
        "DY",
        "E",
        "EC",
        "EH",
        "EN",
        "EX",
        "FK",
        "FY",
        "G",
        "GL",
        "GU",
        "GY",
        "HA",
        "HD",
        "HG",
        "HP",
        "HR",
        "HS",
        "HU",
        "HX",
        "IG",
        "IM",
        "IP",
        "IV",
        "JE",
        "KA",
        "KT",
        "KW",
        "KY",
        "L",
        "LA",
        "LD",
        "LE",
        "LL",
        "LN",
        "LS",
        "LU",
        "M",
        "ME",
        "MK",
        "ML",
        "N",
        "NE",
        "NG",
        "NN",
        "NP",
        "NR",
        "NW",
        "OL",
        "OX",
        "PA",
        "PE",
        "PH",
        "PL",
        "PO",
        "PR",
        "RG",
        "RH",
        "RM",
        "S",
        "SA",
        "SE",
        "SG",
        "SK",
        "SL",
        "SM",
        "SN",
        "SO",
        "SP",
        "SR",
        "SS",
        "ST",
        "SW",
        "SY",
        "TA",
        "TD",
        "TF",
        "TN",
        "TQ",
        "TR",
        "TS",
        "TW",
        "UB",
        "W",
        "WA",
        "WC",
        "WD",
        "WF",
        "WN",
        "WR",
        "WS",
        "WV",
        "YO",
        "ZE",
    ]
)
_PLACE = re.compile(
    r"(?<![a-z])(?:address|located|location|deliver(?:y|ed)?|lives?(?: in| at)?|ship(?:ped)? to|"
    r"street|road|avenue|lane|close|phone|telephone|town|centre|center|area|north|"
    r"south|east|west|london|england|uk|united kingdom|scotland|wales)(?![a-z])"
)
_NEAR = 80
_LABEL_NEAR = 64


def _judge(doc: Document, start: int, end: int, inward: str) -> tuple[Tier, str] | None:
    said = speaks_for(doc, Kind.POSTCODE, start, end, width=_LABEL_NEAR)
    source = doc.text[start:end]
    if inward[0] in "Oo":
        return (Tier.CONTEXTUAL, "uk-postcode-typed") if said else None
    if source.isupper() and " " in source:
        return Tier.VALIDATED, "uk-postcode"
    near = doc.before(start, _NEAR) + " " + doc.after(end, _NEAR)
    if said or _PLACE.search(near):
        return Tier.CONTEXTUAL, "uk-postcode-glued"
    return Tier.WEAK, "uk-postcode-glued"


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield postcodes: upper case with a space by their form, others where the text speaks of a place."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        area, inward = match.group(1).decode().upper(), match.group(3).decode()
        if area not in AREAS or not stands_alone(doc, start, end) or doc.char(start - 1) in ("#", "-", "/", "."):
            continue
        verdict = _judge(doc, start, end, inward)
        if verdict:
            yield Span(start, end, Kind.POSTCODE, *verdict)


RULES = (Rule("uk-postcode", rb"[A-Za-z][0-9][A-Za-z0-9]? {0,2}[0-9Oo][A-Za-z]{2}", find),)
