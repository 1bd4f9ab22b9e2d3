"""What pages say of detection profiles in the reader's language: for whom one is, what it weakens, what is wrong with it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.console.inert import spelled
from governance.console.words import POLICY_STATES, Status, kind_word
from governance.identity.scoping import tenant_scope
from governance.privacy.profiles.classes import NOTHING
from governance.privacy.profiling import Shown
from governance.vault.models import Collection

LEVEL_WORDS: Final[Mapping[str, Promise]] = {
    "public": gettext_lazy("public"),
    "internal": gettext_lazy("internal"),
    "confidential": gettext_lazy("confidential"),
    "restricted": gettext_lazy("restricted"),
}
_FAULTS: Final[Mapping[str, Promise]] = {
    "a term has at least 2 characters": gettext_lazy("a term has at least 2 characters"),
    'no detector finds this as a whole; say its type: {"type": "PHONE", "value": "..."}': gettext_lazy(
        "no detector finds this as a whole; say its type before it, in capitals: PHONE: 555 2671"
    ),
    r"\Q and \C are not taken; escape single characters instead": gettext_lazy(
        r"\Q and \C are not taken; escape single characters instead"
    ),
    "*, + and {n,} have no end; say how often at most, for instance {1,40}": gettext_lazy(
        "*, + and {n,} have no end; say how often at most, for instance {1,40}"
    ),
    "it matches the empty text": gettext_lazy("it matches the empty text"),
    "has to be a list": gettext_lazy("has to be a list"),
    "has to be an object": gettext_lazy("has to be an object"),
    "is missing": gettext_lazy("is missing"),
}
_FALLS: Final = re.compile(r"(?P<kind>[A-Z_]+) falls from (?P<before>\w+) to (?P<after>\w+)")
_TERMS: Final = re.compile(r"(?P<count>\d+) terms are masked no more")
_VALUES: Final = re.compile(r"(?P<count>\d+) more values are left unmasked")
_PATTERN: Final = re.compile(r"pattern (?P<name>\S+) goes or changes")


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A version of a profile as pages show it; `scope` says what it is for."""

    shown: Shown
    scope: str
    status: Status


def lines_of(tenant: UUID, rows: Iterable[Shown]) -> list[ProfileLine]:
    """Return versions as lines; one query for the names of all collections."""
    shown = list(rows)
    wanted = {one.collection for one in shown if one.collection is not None}
    names: dict[UUID, str] = {}
    if wanted:
        with tenant_scope(tenant):
            names = dict(Collection.objects.filter(id__in=wanted).values_list("id", "name"))
    return [ProfileLine(one, scope_of(one.collection, names), POLICY_STATES[one.state]) for one in shown]


def scope_of(collection: UUID | None, names: Mapping[UUID, str]) -> str:
    """Return for what a profile is: the whole tenant, or a collection by its name."""
    return _("the whole tenant") if collection is None else spelled(names.get(collection, str(collection)))


def title_of(line: ProfileLine) -> str:
    """Return what a version is called."""
    return _("Detection profile for %(scope)s, version %(number)s") % {"scope": line.scope, "number": line.shown.version}


def kind_or_nothing(kind: str) -> str:
    """Return what a row of the table of levels is called."""
    return _("Nothing found") if kind == NOTHING else kind_word(kind)


def said_of(what: str) -> str:
    """Return what is wrong at a place, in the reader's language where it is one of the usual faults."""
    return str(_FAULTS.get(what, what))


def weakening(way: str) -> str:
    """Return one way in which a version masks or protects less, in the reader's language."""
    if found := _FALLS.fullmatch(way):
        words = {"kind": kind_or_nothing(found["kind"]), **{end: LEVEL_WORDS[found[end]] for end in ("before", "after")}}
        return _("%(kind)s falls from %(before)s to %(after)s") % words
    if found := _TERMS.fullmatch(way):
        count = int(found["count"])
        return ngettext("%(count)s term is not masked any more", "%(count)s terms are not masked any more", count) % {
            "count": count
        }
    if found := _VALUES.fullmatch(way):
        count = int(found["count"])
        return ngettext("%(count)s more value is left unmasked", "%(count)s more values are left unmasked", count) % {
            "count": count
        }
    if found := _PATTERN.fullmatch(way):
        return _("the pattern %(name)s goes or changes") % {"name": found["name"]}
    return way
