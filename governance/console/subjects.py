"""What an approval is about, for people: the act in words, the name of its subject with the way to it, the details."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from governance.access.models import AccessPolicy
from governance.approvals.acts import ACTS
from governance.console.hierarchy import name_of
from governance.console.inert import spelled
from governance.console.profile_words import scope_of, weakening
from governance.console.words import USES, counted
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.models import KeyRing, KeyVersion
from governance.privacy.models import DetectionProfile


class Subject(NamedTuple):
    """What people call the subject (empty: nothing better than its id), and the address of its page (empty: none)."""

    name: str = ""
    page: str = ""


_MEANINGS: Final = {
    "activate_policy": _("Make a drafted access policy decide"),
    "retire_policy": _("Take an access policy out of force"),
    "destroy_key_version": _("Destroy a key version"),
    "destroy_data_key": _("Destroy one data key, and one person's texts in one conversation with it"),
    "lower_minimum_version": _("Accept older key versions again"),
    "erase": _("Erase a person"),
    "release_hold": _("Release a legal hold"),
    "break_glass": _("Open single conversations in an emergency"),
    "unmask_finding": _("Show again what a detector masked"),
    "activate_profile": _("Detect with settings that mask or protect less"),
    "accept_head": _("Go on from an older audit head after a failover"),
}
_LABELS: Final = {
    "days": _("Days to wait before the destruction"),
    "from": _("Lowest version accepted now"),
    "minimum": _("Lowest version accepted"),
    "name": _("Name"),
    "version": _("Version"),
    "ticket": _("Ticket"),
    "minutes": _("Minutes"),
    "conversations": _("Conversations"),
    "digest": _("SHA-256 of what is asked"),
    "sha256": _("SHA-256 of the text"),
    "replaces": _("Version in force that it replaces; 0 is none"),
    "leaf": _("Text of the record, counted from 0"),
    "start": _("From character"),
    "end": _("Until character"),
    "type": _("Type"),
    "collection": _("Collection"),
    "weakens": _("Masks or protects less"),
}


def meaning_of(act: str) -> str:
    """Return what an act does, as a title."""
    return str(_MEANINGS.get(act) or (ACTS[act].meaning if act in ACTS else act))


def details_of(details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the details of an approval as labels and text; a list is told by its length and its members."""
    said = {**details, **({"weakens": [weakening(way) for way in details["weakens"]]} if "weakens" in details else {})}
    return tuple((str(_LABELS.get(name, name.replace("_", " "))), _told(value)) for name, value in said.items())


def _told(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return counted(value)
    if isinstance(value, list):
        return f"{len(value)}: " + ", ".join(_told(one) for one in value)
    return spelled(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) or "–"


def subjects_of(principal: Principal, asked: Iterable[tuple[str, UUID]]) -> dict[UUID, Subject]:
    """Return what each subject is called, by its id; one query a kind, however many there are."""
    wanted: dict[str, set[UUID]] = {}
    for act, subject in asked:
        wanted.setdefault(act, set()).add(subject)
    found: dict[UUID, Subject] = {subject: Subject() for subjects in wanted.values() for subject in subjects}
    with tenant_scope(principal.tenant_id):
        found |= _versions(wanted.get("destroy_key_version", set()))
        found |= _rings(wanted.get("lower_minimum_version", set()))
        found |= _policies(wanted.get("activate_policy", set()) | wanted.get("retire_policy", set()))
        found |= _profiles(wanted.get("activate_profile", set()))
    return found


def _versions(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = KeyVersion.objects.filter(id__in=ids).values_list("id", "ring__use", "number") if ids else ()
    return {key: Subject(name_of(use, number), reverse("console:version", args=[key])) for key, use, number in rows}


def _rings(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = KeyRing.objects.filter(id__in=ids).values_list("id", "use") if ids else ()
    return {key: Subject(str(USES[use][0]), reverse("console:ring", args=[key])) for key, use in rows}


def _policies(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = AccessPolicy.objects.filter(id__in=ids).values_list("id", "name", "version") if ids else ()
    return {key: Subject(f"{name} {number}", reverse("console:policy", args=[key])) for key, name, number in rows}


def _profiles(ids: set[UUID]) -> dict[UUID, Subject]:
    rows = DetectionProfile.objects.filter(id__in=ids) if ids else DetectionProfile.objects.none()
    named = rows.values_list("id", "collection_id", "collection__name", "version")
    return {
        key: Subject(
            _("%(scope)s, version %(number)s") % {"scope": scope_of(of, {of: name} if of else {}), "number": number},
            reverse("console:profile", args=[key]),
        )
        for key, of, name, number in named
    }
