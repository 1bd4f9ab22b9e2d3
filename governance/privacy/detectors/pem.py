"""Private keys as text blocks: PEM (RFC 7468), OpenPGP armour (RFC 9580 section 6.2), PuTTY and age files."""

from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_BEGIN = pattern(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]{1,2}:")
_END = b"-----END "
_LONGEST = 32 * 1024
# What may stand in a key that was cut off: base64, headers, line ends, and line ends written as `\n` in code.
_BODY = pattern(rb"[A-Za-z0-9+/=\s\\:,.\"'>|*-]{0,1000}")
_AGE = pattern(rb"AGE-SECRET-KEY-1[A-Z0-9]{20,100}")


def _end_of_run(image: bytes, position: int, limit: int) -> int:
    while position < limit:
        match = _BODY.match(image, position, limit)
        if match is None or match.end() == position:
            break
        position = match.end()
    return position


def _end_of_block(image: bytes, start: int, body: int) -> int:
    """Return the end of the block: its END line, or what still looks like its body where the block was cut off."""
    limit = min(len(image), start + _LONGEST)
    following = image.find(b"-----BEGIN ", body, limit)
    limit = limit if following < 0 else following
    footer = image.find(_END, body, limit)
    if footer >= 0:
        dashes = image.find(b"-----", footer + len(_END), footer + len(_END) + 60)
        return dashes + 5 if dashes >= 0 else footer + len(_END)
    return _end_of_run(image, body, limit)


def find_blocks(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield whole blocks, header to footer; a block without a footer ends where its body does."""
    done = low
    for match in _BEGIN.finditer(doc.image, low, high):
        budget.spend(10)
        if match.start() < done:
            continue
        done = _end_of_block(doc.image, match.start(), match.end())
        yield Span(match.start(), done, Kind.PRIVATE_KEY, Tier.VALIDATED, "private-key")


def find_age(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield identities of age (Bech32 with the prefix AGE-SECRET-KEY-)."""
    for match in _AGE.finditer(doc.image, low, high):
        budget.spend()
        yield Span(match.start(), match.end(), Kind.PRIVATE_KEY, Tier.VALIDATED, "age-identity")


RULES = (
    Rule("private-key", rb"PRIVATE KEY|PuTTY-User-Key-File", find_blocks),
    Rule("age-identity", rb"AGE-SECRET-KEY-1", find_age),
)
