"""What a verification says of a chain, in the reader's language: the record's own sentences, with their numbers kept."""

import re
from typing import Final, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from governance.audit.chain import ChainReport

_SENTENCES: Final = (
    _("entry %(wanted)s is missing; %(found)s follows"),
    _("it does not follow the entry before it"),
    _("its bytes do not give its hash"),
    _("the checkpoint at this entry is signed by another key"),
    _("the checkpoint at this entry has a bad signature"),
    _("the chain ends at entry %(last)s, and a signed checkpoint knows this one: entries were cut off"),
    _("the checkpoint at this entry signs another chain: entries after %(last)s were rewritten"),
    _("at most %(count)s entries after entry %(last)s were lost and accepted"),
)
_PLACE: Final = re.compile(r"%\\\((\w+)\\\)s")  # As `re.escape` leaves it.
_FORMS: Final = {sentence: re.compile(_PLACE.sub(r"(?P<\1>\\d+)", re.escape(sentence))) for sentence in _SENTENCES}


class Verdict(NamedTuple):
    """What is wrong with the chain, empty where it is whole, and the losses that two people accepted."""

    fault: str
    accepted: tuple[str, ...]


def verdict_of(report: ChainReport) -> Verdict:
    """Return what a report says in words."""
    return Verdict(said(report.fault), tuple(said(one) for one in report.accepted))


def said(text: str) -> str:
    """Return a sentence of the record in the reader's language; one that is not known stays as it is."""
    for sentence, form in _FORMS.items():
        if found := form.fullmatch(text):
            return gettext(sentence) % found.groupdict()
    return text
