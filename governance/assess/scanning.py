"""The leak scan: proves that every sink is searched in every form, then searches them for the sentinels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from governance.assess.sentinels import Search, controls, new_sentinel
from governance.assess.sinks import Sink


@dataclass(slots=True)
class ScanReport:
    """`blind` names sink and form of controls that were not found; `leaks` sink and form of sentinels that were."""

    sinks: list[str] = field(default_factory=list)
    controls: int = 0
    blind: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing leaked, and the scan could have seen it."""
        return not self.blind and not self.leaks


def scan(*, sentinels: Sequence[str], sinks: Sequence[Sink]) -> ScanReport:
    """Search `sinks` for `sentinels`, after each has shown that a planted control is found there in every form."""
    report = ScanReport(sinks=[sink.name for sink in sinks])
    for sink in sinks:
        _prove(sink, report)
        search = Search(list(sentinels))
        report.leaks += sorted(f"{sink.name}: sentinel {number} as {form}" for number, form in sink.search(search))
    return report


def _prove(sink: Sink, report: ScanReport) -> None:
    """Plant one control a form, each with a text of its own, and note those that the search does not find."""
    planted = {}
    try:
        for form in controls("x"):
            text = new_sentinel()
            sink.plant(controls(text)[form])
            planted[form] = text
        found = sink.search(Search(list(planted.values())))
        report.controls += len(planted)
        seen = {number for number, _ in found}
        report.blind += [f"{sink.name}: {form}" for number, form in enumerate(planted) if number not in seen]
    finally:
        sink.clean()
