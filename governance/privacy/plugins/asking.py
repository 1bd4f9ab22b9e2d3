"""Asks the detector that a user brings, where one is named, what it sees in JSON values."""

import atexit
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from governance.conf.settings import vault_settings
from governance.privacy.detectors import Kind, Span, Tier
from governance.privacy.leaves import LeafKind, string_leaves
from governance.privacy.plugins.process import START_SECONDS, Detector, DetectorAway

Seen = Mapping[int, tuple[Span, ...]]  # By the number of the leaf in reading order.
_ONE: Final = UUID(int=0)
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_LETTERS: Final = re.compile(r"[^\W\d_]")


def configured() -> Detector | None:
    """Return the detector of this process, or None where no module is named."""
    settings = vault_settings()
    if not settings.detector_module:
        return None
    return _detector(settings.detector_python or sys.executable, settings.detector_module, settings.detector_seconds)


@lru_cache(maxsize=1)
def _detector(python: str, module: str, seconds: float) -> Detector:
    found = Detector(python=python, module=module, seconds=seconds)
    atexit.register(found.close)
    return found


def make_ready() -> None:
    """Start the detector before anything is claimed or granted: a model loads for a while. Raises DetectorAway."""
    if (detector := configured()) is not None:
        detector.ready()


def seconds_at_most() -> float:
    """Return how long looking at one batch may take: an answer that does not come, a new start and a probe."""
    return 0.0 if configured() is None else 2 * (vault_settings().detector_seconds + START_SECONDS)


def rows_at_most(most: int) -> int:
    """Return how many records are looked at together, of `most`."""
    return most if configured() is None else min(most, vault_settings().detector_rows)


def see(item: Any) -> Seen:
    """Return what the detector sees in one JSON value, for trying it out. Raises DetectorAway, DetectorFailed."""
    detector = configured()
    if detector is None:
        raise DetectorAway("No detector of your own is named: set THREADVAULT_DETECTOR_MODULE.")
    return look_at(detector, {_ONE: item})[_ONE]


def look_at(detector: Detector, items: Mapping[UUID, Any]) -> dict[UUID, Seen]:
    """Return what the detector sees in JSON values; only string leaves with letters are shown to it."""
    rule = f"plugin:{Path(detector.module).stem}"[:64]
    places = [
        (record, number, leaf.text)
        for record, item in items.items()
        for number, leaf in enumerate(string_leaves(item))
        if leaf.kind is LeafKind.STRING and _LETTERS.search(leaf.text)
    ]
    seen: dict[UUID, dict[int, tuple[Span, ...]]] = {record: {} for record in items}
    for lang in ("en", "zh"):
        mine = [place for place in places if bool(_CHINESE.search(place[2])) == (lang == "zh")]
        answers = detector.ask([text for _, _, text in mine], lang=lang) if mine else []
        for (record, number, _), spans in zip(mine, answers, strict=True):
            if spans:
                seen[record][number] = tuple(_span(span, rule) for span in spans)
    return dict(seen)


def _span(found: tuple[int, int, str], rule: str) -> Span:
    start, end, name = found
    return Span(start, end, Kind(name) if name in set(Kind) else Kind.CUSTOM, Tier.CONTEXTUAL, rule)
