"""Detection without storing: what a text holds and how it would look redacted, for trying out and for other tools.

Nothing that comes in is written anywhere: no row, no log line, no audit entry, no cache.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from governance.privacy.detectors import RULESET_VERSION, Unscannable, scan
from governance.privacy.detectors.labels import scorer_row
from governance.privacy.plugins.asking import see
from governance.privacy.redaction import NOTHING_SAID, LeafFinding, Said, Scan, redact

LARGEST_TEXT: Final = 1024 * 1024  # Characters, as for a message.


class DetectionInputError(ValueError):
    """The input cannot be scanned; says what and where, never the text."""

    code = "detect.input"


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found: `redacted` has marks without pseudonyms, for those need the key of a tenant."""

    findings: tuple[LeafFinding, ...]
    redacted: Any = field(repr=False)

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"ruleset": RULESET_VERSION, "findings": [asdict(one) for one in self.findings], "redacted": self.redacted}


def detect(item: Any, *, scan: Scan = scan, plugin: bool = False) -> Detected:
    """Scan a text or any JSON value; `plugin` asks the detector of the user's own as well.

    Raises DetectionInputError where it cannot be scanned whole, DetectorAway, DetectorFailed.
    """
    said = Said(seen=see(item)) if plugin else NOTHING_SAID
    try:
        redaction = redact(item, mark=lambda kind, _value: f"[{kind}]", scan=scan, said=said)
    except Unscannable as error:
        raise DetectionInputError(f"This cannot be scanned whole ({error.code}), so nothing can be called clean.") from None
    return Detected(redaction.findings, redaction.item)


def predictions(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield `{"id", "pred": [[start, end, label, score]]}` for each line `{"id", "text"}`, in the scorer's label names.

    What the product would mask has a score of at least 0.5; where a text is over its budget all of it is one span of
    the label `UNSCANNED`. Raises DetectionInputError with the number of the line.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        given = _line(number, line)
        try:
            spans = [list(scorer_row(span)) for span in scan(given["text"], weak=True)]
        except Unscannable:
            spans = [[0, len(given["text"]), "UNSCANNED", 1.0]]
        yield {"id": given["id"], "pred": spans}


def _line(number: int, line: str) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise DetectionInputError(f"Line {number} is no JSON.") from None
    if not isinstance(given, dict) or "id" not in given or not isinstance(given.get("text"), str):
        raise DetectionInputError(f"Line {number} is no object with an id and a text.")
    if len(given["text"]) > LARGEST_TEXT:
        raise DetectionInputError(f"Line {number} has a text of more than {LARGEST_TEXT:,} characters.")
    return given
