"""What a verification says of a chain, in the reader's language. The domain says it in English and with its numbers."""

import re
from typing import Final

from django.utils.translation import gettext, gettext_noop

SENTENCES: Final = (
    gettext_noop("entry %(a)s is missing; %(b)s follows"),
    gettext_noop("it does not follow the entry before it"),
    gettext_noop("its bytes do not give its hash"),
    gettext_noop("the checkpoint at this entry is signed by another key"),
    gettext_noop("the checkpoint at this entry has a bad signature"),
    gettext_noop("the checkpoint at this entry signs another chain: entries after %(a)s were rewritten"),
    gettext_noop("the chain ends at entry %(a)s, and a signed checkpoint knows this one: entries were cut off"),
    gettext_noop("the chain ends at entry %(a)s and had %(b)s when this was asked for: entries were cut off"),
    gettext_noop("entries from here to %(a)s were changed or taken away each time that the chain was walked"),
    gettext_noop("at most %(a)s entries after entry %(b)s were lost and accepted"),
)
_PLACE: Final = re.compile(r"%\\\((\w)\\\)s")  # As `re.escape` leaves it.


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(lambda found: rf"(?P<{found[1]}>\d+)", re.escape(sentence)))


_KNOWN: Final = tuple((_pattern(sentence), sentence) for sentence in SENTENCES)


def told(said: str) -> str:
    """Return what is said of a chain in the reader's language; a sentence that is not known here stays as it is."""
    for pattern, sentence in _KNOWN:
        if found := pattern.fullmatch(said):
            return gettext(sentence) % found.groupdict()
    return said
