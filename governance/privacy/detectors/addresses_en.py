"""Street addresses of the English-speaking world and of the rest of Europe by their grammar.

Sources: USPS Publication 28 (street suffixes, directions, secondary units, military addresses), BS 7666 for the United
Kingdom; UPU S42 for the order of number and street elsewhere. Names are open, what stands around them is not.
"""

import re
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import WORD, Document
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_NAMED: Final = (
    rb"Street|Str|St|Road|Rd|Avenue|Ave|Av|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|"
    rb"Parkway|Pkwy|Highway|Hwy|Circle|Cir|Close|Crescent|Cres|Row|Mews|Gardens|Grove|Alley|Plaza|Trail|Loop|Walk|Quay|"
    rb"Wharf|Esplanade|Expressway|Turnpike|Freeway|Broadway|Pl"
)
_TYPES: Final = _NAMED + rb"|" + _NAMED.upper()  # As written and in capitals, but not `st` or `way` of a sentence.
_DIRECTION: Final = rb"(?:(?i:North|South)(?i:east|west)?|(?i:East|West)|[NSEW]|[NS][EW])\.?"
_LETTERS: Final = rb"[A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff\x1a'.-]"
_NAME: Final = rb"(?:[A-Z\xc0-\xd6\xd8-\xde\x1a]" + _LETTERS + rb"{0,20}|[0-9]{1,3}(?i:st|nd|rd|th)|[A-Z])"
_ANY_NAME: Final = rb"(?:" + _LETTERS + rb"{1,20}|[0-9]{1,3}(?i:st|nd|rd|th))"
_HOUSE: Final = rb"[0-9]{1,6}[A-Za-z]?(?:[ ]?[-/][ ]?[0-9]{1,5}[A-Za-z]?)?"
_UNIT: Final = (
    rb"(?:,?[ \n]{0,2}(?:#|(?i:apt|apartment|suite|ste|unit|floor|fl|room|rm|flat)\b\.?)[ ]{0,2}#?[ ]?[A-Za-z0-9-]{1,6})?"
)
_REST: Final = (
    rb"(?:,?[ ]"
    + _DIRECTION
    + rb"\b)?"
    + _UNIT
    + (rb"(?:,?[ \n]{1,2}" + _NAME + rb"(?:[ ]" + _NAME + rb"){0,2},?[ \n]{1,2}[A-Z]{2}[ ]{1,2}[0-9]{5}(?:-[0-9]{4})?)?")
)
_WORD_END: Final = rb"(?:\.|\b)"

_NUMBERED = pattern(
    rb"\b" + _HOUSE + rb",?[ ]{1,2}(?:" + _HOUSE + rb"[ ])?(?:" + _DIRECTION + rb"[ ])?"
    rb"(?:St\.?[ ]" + _NAME + rb"[ ]{1,2}|(?:" + _NAME + rb"[ ]{1,2}){1,5}?)(?:" + _TYPES + rb")" + _WORD_END + _REST
)  # fmt: skip
# Lower case, as people type: the suffix is spelled out, and the words before it must not be of a sentence.
_TYPED = pattern(
    rb"\b(" + _HOUSE + rb"),?[ ]{1,2}((?:" + _ANY_NAME + rb"[ ]{1,2}){1,4}?)"
    rb"(?i:street|road|avenue|ave|boulevard|blvd|lane|drive|terrace|crescent|parkway|court|way|close|square|gardens|"
    rb"place|rd|st|dr|pl|ln|ct|pkwy|cir|hwy)\b\.?(?:[ ]" + _DIRECTION + rb"\b)?" + _UNIT
    + rb"(?:,[ \n]{1,2}" + _LETTERS + rb"{2,20}(?:[ ]" + _LETTERS + rb"{2,20}){0,2},[ \n]{1,2}[A-Za-z]{2}[ ]{1,2}[0-9]{5}"
    rb"(?:-[0-9]{4})?\b)?"
)  # fmt: skip
_SENTENCE: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "and",
        "or",
        "but",
        "is",
        "are",
        "was",
        "were",
        "be",
        "it",
        "its",
        "my",
        "your",
        "his",
        "her",
        "our",
        "their",
        "this",
        "that",
        "minute",
        "minutes",
        "min",
        "mins",
        "hour",
        "hours",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "year",
        "years",
        "mile",
        "miles",
        "km",
        "kilometer",
        "kilometers",
        "meter",
        "meters",
        "star",
        "stars",
        "people",
        "person",
        "persons",
        "way",
        "ways",
        "lane",
        "lanes",
        "times",
        "time",
        "percent",
        "per",
        "more",
        "less",
        "out",
        "hard",
        "test",
        "bus",
        "car",
        "long",
        "short",
        "round",
        "dead",
        "half",
        "degree",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "first",
        "second",
        "third",
        "each",
        "dollar",
        "dollars",
        "million",
        "billion",
        "thousand",
        "user",
        "users",
        "new",
        "same",
        "other",
        "gb",
        "tb",
        "mb",
        "inch",
        "inches",
        "bed",
        "beds",
        "bath",
        "baths",
        "bedroom",
        "bedrooms",
        "room",
        "rooms",
    ]
)
# What is counted or measured by the number before it: `10 TB Drive`, `2 Hour Drive`.
_MEASURE = re.compile(
    r"[0-9 ,]*(?:[kmgt]b|miles?|km|min(?:ute)?s?|hours?|days?|weeks?|months?|years?|stars?|bed(?:room)?s?|bath(?:room)?s?|"
    r"people|persons?|percent|inch(?:es)?|wheels?|lanes?|steps?|watts?|volts?|way|degrees?) "
)
_BOXES = pattern(
    rb"(?i:\bP\.?[ ]?O\.?[ ]{0,2}Box[ ]{0,2}[0-9]{1,6}\b)|\b(?:PSC|CMR|Unit|UNIT)[ ][0-9]{1,5},?[ ]Box[ ][0-9]{1,5}\b"
    rb"(?:,?[ \n]{0,2}[ADF]PO,?[ ]A[AEP][ ][0-9]{5}(?:-[0-9]{4})?)?"
)
# `Villacher Strasse 89`, `Magasinsgatan 7`, `Via Franscini 71`, `Avenida Castilho, 12`.
_ENDINGS: Final = (  # Of German, Danish, Swedish, Norwegian, Finnish, Hungarian, Dutch, Czech.
    rb"stra(?:ss|\xdf)e|str\.|gasse|weg|platz|allee|ufer|damm|vejen|vej|gaden|gade|gatan|gata|v\xe4gen|v\xe4g|gaten|veien|"
    rb"vegen|katu|kuja|polku|tie|utca|straat|laan|plein|gracht|steenweg|ulice"
)
_WORDS: Final = rb"Stra(?:ss|\xdf)e|str\.|utca|\xfat|u\.|t\xe9r|ulica|sokak|vej|gade"
_BEGINNINGS: Final = (  # Of French, Italian, Spanish, Portuguese, Catalan, Polish, Serbian, Croatian.
    rb"Rue|Via|Viale|Corso|Piazza|Calle|Avenida|Av\.|Avenue|Rua|R\xfaa|Paseo|Plaza|Pra\xe7a|Largo|Carrer|Chemin|Impasse|"
    rb"All\xe9e|Strada|Ulica|ulica|ul\.|Bulevar|Trg|Camino|Boulevard"
)
_ARTICLES: Final = rb"(?:(?:de|du|des|la|le|les|del|della|di|da|do|dos|das|el|los|las)[ ]){0,3}"
_EUROPEAN = pattern(
    rb"(?:\b[0-9]{1,6}[ ])?(?:[A-Z\xc0-\xde][A-Za-z\xdf-\xff\x1a]{1,24}(?:" + _ENDINGS + rb")"
    rb"|" + _NAME + rb"(?:[ ]" + _NAME + rb"){0,2}[ ](?:" + _WORDS + rb")"
    rb"|(?:" + _BEGINNINGS + rb")[ ]" + _ARTICLES + _NAME + rb"(?:[ ]" + _NAME + rb"){0,3}"
    rb"),?[ ][0-9]{1,5}[A-Za-z]?\b\.?" + _UNIT
)  # fmt: skip
# `12 rue de Rivoli`, `5 bis, avenue Foch`.
_FRENCH = pattern(
    rb"\b[0-9]{1,5}(?:[ ](?:bis|ter))?,?[ ](?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Ii]mpasse|[Aa]ll\xe9e|[Qq]uai)[ ]"
    + _ARTICLES + rb"(?:[ld]')?" + _NAME + rb"(?:[ -]" + _NAME + rb"){0,3}" + _UNIT
)  # fmt: skip
_LABEL = pattern(
    rb"(?i)\b(?:(?:address|location)(?: of [^.\n]{1,40}?)?(?: is|:| s| ,| :)|(?:located|situated|residing|based|found) "
    rb"(?:at|on|in)|liv(?:e|es|ed|ing) (?:at|on)|(?:deliver|ship|send|mail|return|moved?|come|go)(?:ed)? (?:it |them )?to|"
    rb"meet (?:me|you|us|him|her|them) at|arrived at|(?:is|are|was|'s|'re|stop|bus|you off) (?:at|on)|corner of)\b[ ,:]{0,3}"
)
_SEGMENT = re.compile(r"(?:[^.!?\n\"\\]|(?<=\bst)\.|(?<=\bave)\.|(?<=\bapt)\.){4,90}")
_ENDS = re.compile(
    r",? (?:and|or|but|with|which|that|has|have|is|are|was|you|they|it|there|would|their|its|the|in the|phone|post ?code|"
    r"postal|can|to|for|from|call|if|so|near|last|this|tomorrow|today)(?![a-z])|"
    r",? [a-z]{1,2}\d[a-z0-9]? ?\d[a-z]{2}(?![a-z0-9])|,? \+?\d{7,}|[(?!;]"
)
_STREET = re.compile(
    r"(?<![a-z])(?:street|road|avenue|boulevard|lane|drive|court|square|terrace|crescent|close|mews|parkway|way|st|rd|ave|blvd)(?![a-z])"
)
_POSTCODE = re.compile(r"[a-z]{1,2}\d[a-z0-9]? ?\d[a-z]{2}[ ,]{1,3}")
_LONGEST_ABBREVIATION = 4
_LONGEST_FEW = 6
# After a single digit these are more often words than streets: `3 bath place`.
_WORDS_TOO = re.compile(r"(?:way|place|close|court|square|gardens|st|dr|pl|ct)\b")


def _bounded(doc: Document, start: int, end: int) -> bool:
    return not (doc.char(start - 1) in (WORD | {"-", ".", "$", "#", "/"}) and doc.char(start - 1)) and not (
        doc.char(end) in WORD and doc.char(end)
    )


def _before_stop(doc: Document, end: int) -> int:
    """Leave out the stop of the sentence; that of an abbreviation (`St.`) belongs to the address."""
    word = doc.text[max(0, end - 10) : end - 1].rpartition(" ")[2]
    return end - 1 if doc.text[end - 1] == "." and len(word) > _LONGEST_ABBREVIATION else end


def find_numbered(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield a house number, a name and a kind of street, in capitals or as people type."""
    for match in _NUMBERED.finditer(doc.image, low, high):
        budget.spend(2)
        start, end = match.span()
        if _bounded(doc, start, end) and not _MEASURE.match(doc.folded, start, end):
            yield Span(start, _before_stop(doc, end), Kind.ADDRESS, Tier.CONTEXTUAL, "address-en")
    for match in _TYPED.finditer(doc.image, low, high):
        budget.spend(2)
        words = match.group(2).lower().decode("latin-1").split()
        if len(match.group(1)) == 1 and _WORDS_TOO.match(doc.folded, match.end(2)):
            continue
        start, end = match.span()
        if _SENTENCE.isdisjoint(words) and _bounded(doc, start, end):
            yield Span(start, _before_stop(doc, end), Kind.ADDRESS, Tier.CONTEXTUAL, "address-en-typed")


def find_french(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield a number, a kind of street and its name."""
    for match in _FRENCH.finditer(doc.image, low, high):
        budget.spend()
        yield Span(match.start(), match.end(), Kind.ADDRESS, Tier.CONTEXTUAL, "address-fr")


def find_boxes(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield boxes of post offices and of the military."""
    for match in _BOXES.finditer(doc.image, low, high):
        budget.spend()
        yield Span(match.start(), match.end(), Kind.ADDRESS, Tier.CONTEXTUAL, "address-box")


def find_european(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield streets of the continent, whose number stands behind the name."""
    for match in _EUROPEAN.finditer(doc.image, low, high):
        budget.spend(2)
        start, end = match.span()
        if _bounded(doc, start, end):
            yield Span(start, end, Kind.ADDRESS, Tier.CONTEXTUAL, "address-eu")


def find_labelled(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield a street without a number where the words before it say that somebody or something is there."""
    for match in _LABEL.finditer(doc.image, low, high):
        budget.spend()
        segment = _SEGMENT.match(doc.folded, match.end())
        if segment is None:
            continue
        start, end = segment.span()
        if postcode := _POSTCODE.match(doc.folded, start, end):
            start = postcode.end()
        if stop := _ENDS.search(doc.folded, start + 1, end):
            end = stop.start()
        end = start + len(doc.text[start:end].rstrip(" ,-"))
        street = _STREET.search(doc.folded, start, end)
        few = len(doc.folded[start : street.start()].split()) if street else 0
        if street and 0 < few <= _LONGEST_FEW and _SENTENCE.isdisjoint(doc.folded[start : street.start()].split()[-1:]):
            yield Span(start, end, Kind.ADDRESS, Tier.CONTEXTUAL, "address-en-labelled")


_ANY_STREET: Final = rb"(?i:[ ](?:" + _NAMED + rb")\b)"
RULES = (
    Rule("address-en", _ANY_STREET, find_numbered),
    Rule("address-fr", rb"(?i:[ ](?:rue|avenue|boulevard|chemin|impasse|all\xe9e|quai)[ ])", find_french),
    Rule("address-en-labelled", _ANY_STREET, find_labelled),
    Rule("address-box", rb"(?i:box[ ]{0,2}[0-9])", find_boxes),
    Rule(
        "address-eu",
        rb"[a-z\xdf-\xff.\x1a],?[ ][0-9]",
        find_european,
    ),
)
