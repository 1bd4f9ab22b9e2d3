"""Charts of the landing pages: what the skin draws, and the table that says the same to those who do not see it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from governance.console.words import counted
from governance.privacy.disclosing import FEWEST

_COLOUR: Final = "#0d9488"
_TEXT: Final = "#7b8a94"
_TICKS: Final = {"color": _TEXT, "precision": 0}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: bars that lie where labels are long, its rows as (label, figure in words), and what to know about it.

    It is not `drawn` where every figure is nothing or hidden: the picture would be an empty frame.
    """

    name: str
    title: str
    head: str
    rows: tuple[tuple[str, str], ...]
    data: str
    options: str
    note: str = ""
    drawn: bool = True

    @property
    def hides(self) -> bool:
        """Whether a figure about too few people is left out."""
        return any(figure == fewer() for _label, figure in self.rows)


def fewer() -> str:
    """Return what stands in the place of a figure that is not shown."""
    return _("fewer than %(fewest)s people") % {"fewest": FEWEST}


def chart(
    *, name: str, title: str | Promise, head: str | Promise, figures: Iterable[tuple[str, int | None]], note: str = "",
    lying: bool = True, estimated: Iterable[str] = (), cut: int = 0,
) -> Chart:  # fmt: skip
    """Return the chart of figures; None as a figure is drawn as nothing and said to be about too few people.

    The picture leaves out the first `cut` signs of each label (the year of a date).
    """
    found, about = list(figures), set(estimated)
    rows = tuple((label, _in_words(number, label in about)) for label, number in found)
    data = {
        "labels": [label[cut:] for label, _number in found],
        "datasets": [{"label": str(title), "data": [number or 0 for _label, number in found], "backgroundColor": _COLOUR,
                      "borderRadius": 4, "maxBarThickness": 22}],
    }  # fmt: skip
    drawn = any(number for _label, number in found)
    return Chart(name, str(title), str(head), rows, json.dumps(data), json.dumps(_options(lying)), note, drawn)


def _in_words(number: int | None, estimated: bool) -> str:
    if number is None:
        return fewer()
    return _("about %(number)s") % {"number": counted(number)} if estimated else counted(number)


def _options(lying: bool) -> dict[str, Any]:
    bare: dict[str, Any] = {"grid": {"display": False}, "border": {"width": 0}, "ticks": {"color": _TEXT}}
    values: dict[str, Any] = {"grid": {}, "border": {"width": 0}, "ticks": _TICKS, "beginAtZero": True}
    return {
        "animation": False, "responsive": True, "maintainAspectRatio": False, "indexAxis": "y" if lying else "x",
        "plugins": {"legend": {"display": False}},
        "scales": {"x": values if lying else bare, "y": bare if lying else values},
    }  # fmt: skip
