"""Findings corrected in place: mask a stretch that no detector found, say that a finding is right, ask that one is undone.

The texts stand in their redacted view, opened for the session's purpose as on the transcript. A person marks a stretch of
what is shown; where that stands in the original is worked out from the findings, and the original is not shown. The
number of a record is that of its message, counted from 1, or 0 for the head of the conversation: its title and details.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.acting import Sheet, act, done
from governance.console.forms import NothingToSay, ReasonField
from governance.console.gates import current_time, purpose_of
from governance.console.inert import spelled
from governance.console.marks import is_of_a_profile, said_by
from governance.console.words import FINDING_STATES, Status, kind_word
from governance.identity.principals import Principal
from governance.privacy import judging
from governance.privacy.detectors import Kind
from governance.privacy.errors import WrongPlace
from governance.privacy.judging import ACTION, Shown, UnknownFinding
from governance.privacy.leaves import LeafKind, string_leaves
from governance.privacy.locating import located, place_in_original, spans_of
from governance.vault.documents import Document
from governance.vault.reading import read_conversation

_KINDS: Final = [(str(kind), lazy(kind_word, str)(kind)) for kind in Kind]


class MaskForm(forms.Form):
    """A stretch of a text as it is shown, in characters counted from 0, and what it is."""

    leaf = forms.IntegerField(label=gettext_lazy("Text number"), min_value=0, max_value=2**31 - 1)
    start = forms.IntegerField(label=gettext_lazy("From character"), min_value=0, max_value=2**31 - 1)
    end = forms.IntegerField(label=gettext_lazy("Until character"), min_value=1, max_value=2**31 - 1)
    type = forms.ChoiceField(label=gettext_lazy("What it is"), choices=_KINDS)


class UndoForm(NothingToSay):
    """Why a finding is wrong."""

    reason = ReasonField()


@dataclass(frozen=True, slots=True)
class TextLine:
    """A text of the record as the page shows it; `apart` is what a reader of the transcript does not see as text."""

    number: int
    path: str
    text: str
    apart: bool


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding as the page shows it: where, of which type, who says so; never the match."""

    shown: Shown
    kind: str
    by: str
    of_a_profile: bool
    status: Status
    acts: bool


def _open(request: HttpRequest, principal: Principal, conversation_id: UUID, number: int) -> Document:
    """Return the redacted view of one record, opened and recorded as on the transcript. Raises UnknownFinding."""
    opened = read_conversation(
        principal=principal, conversation_id=conversation_id, purpose=purpose_of(request), now=current_time(),
        after=max(number - 2, -1), limit=1,
    )  # fmt: skip
    message = next((one for one in opened.messages if one.ordinal == number - 1), None)
    document = message.document if message is not None else None if number else opened.head
    if document is None:
        raise UnknownFinding(_("This record was not scanned yet, or is erased."))
    return document


def _lines(document: Document) -> list[TextLine]:
    read = set(document.text)
    return [
        TextLine(number, spelled(leaf.path), _shown(leaf.text), leaf.path not in read)
        for number, leaf in enumerate(string_leaves(document.item))
        if leaf.text and leaf.kind is not LeafKind.KEY
    ]


def _shown(text: str) -> str:
    """Return the text as a field of a page holds it: a browser knows one way to end a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _unshown(text: str, at: int) -> int:
    """Return the place in `text` of a place in what `_shown` made of it. Raises WrongPlace beyond its end."""
    if at > len(_shown(text)):
        raise WrongPlace(_("The text has no such place."))
    place = 0
    for _step in range(at):
        place += 2 if text.startswith("\r\n", place) else 1
    return place


def _findings(principal: Principal, record: UUID) -> list[FindingLine]:
    found = judging.findings_of(principal=principal, record=record, now=current_time())
    return [
        FindingLine(
            shown=one,
            kind=kind_word(one.type),
            by=_("a person") if one.said_by == "person" else said_by(one.rule, one.tier),
            of_a_profile=is_of_a_profile(one.rule),
            status=FINDING_STATES[one.state],
            acts=one.state != "rejected",
        )
        for one in found
    ]


def _back(conversation_id: UUID, number: int) -> str:
    """Return the address of the record in its transcript, on the page where it stands."""
    page = reverse("console:conversation", args=[conversation_id])
    if not number:
        return page
    return f"{page}?after={number - 2}#m{number}" if number > 1 else f"{page}#m{number}"


def _here(conversation_id: UUID, number: int) -> str:
    return reverse("console:findings", args=[conversation_id, number])


def _mask_sheet(request: HttpRequest, principal: Principal, conversation_id: UUID, number: int) -> Sheet:
    lines = _lines(_open(request, principal, conversation_id, number))
    record = judging.record_at(principal=principal, conversation_id=conversation_id, number=number)
    first = next((one.number for one in lines if not one.apart), 0)
    return Sheet(
        title=_("Findings of message %(number)s") % {"number": number} if number else _("Findings of the title and details"),
        button=_("Mask this stretch"),
        back=_back(conversation_id, number),
        lead=_("To mask more takes one person and holds at once and for good. To show again what was masked takes two."),
        initial={"leaf": first, "type": "PERSON"},
        template="console/findings.html",
        more={
            "texts": [one for one in lines if not one.apart],
            "further": [one for one in lines if one.apart],
            "findings": _findings(principal, record),
            "conversation_id": conversation_id,
            "number": number,
        },
    )


@act(action=ACTION, events=("finding.marked",), form=MaskForm, factor_for=ACTION, sheet=_mask_sheet)
def findings(
    request: HttpRequest, principal: Principal, given: dict[str, Any], conversation_id: UUID, number: int
) -> HttpResponseBase:  # fmt: skip
    """Mask a stretch of a message, or of the title, for good."""
    record = judging.record_at(principal=principal, conversation_id=conversation_id, number=number)
    start, end = _place(request, principal, given, conversation_id=conversation_id, number=number, record=record)
    judging.mask(
        principal=principal, record=record, leaf=given["leaf"], start=start, end=end, kind=given["type"], now=current_time()
    )
    return done(request, _("The stretch is masked from now on."), _here(conversation_id, number))


def _place(
    request: HttpRequest, principal: Principal, given: dict[str, Any], *, conversation_id: UUID, number: int, record: UUID
) -> tuple[int, int]:  # fmt: skip
    """Return where the stretch stands in the original. Raises WrongPlace."""
    item = _open(request, principal, conversation_id, number).item
    leaves = list(string_leaves(item))
    if given["leaf"] >= len(leaves):
        raise WrongPlace(_("The record has no text with this number."))
    text = leaves[given["leaf"]].text
    rows = spans_of(tenant=principal.tenant_id, conversation=conversation_id, records=[record]).get(record, [])
    marks = located(item, rows).get(given["leaf"], [])
    return place_in_original(marks, start=_unshown(text, given["start"]), end=_unshown(text, given["end"]))


def _one(principal: Principal, conversation_id: UUID, number: int, finding_id: int) -> FindingLine:
    """Return one finding of the record. Raises AccessDenied (recorded), UnknownFinding."""
    record = judging.record_at(principal=principal, conversation_id=conversation_id, number=number)
    found = next((one for one in _findings(principal, record) if one.shown.id == finding_id), None)
    if found is None:
        raise UnknownFinding(_("This tenant has no such finding."))
    return found


def _undo_sheet(
    request: HttpRequest, principal: Principal, conversation_id: UUID, number: int, finding_id: int
) -> Sheet:  # fmt: skip
    one = _one(principal, conversation_id, number, finding_id)
    place = _("characters %(start)s to %(end)s of text %(leaf)s")
    where = {"start": one.shown.start, "end": one.shown.end, "leaf": one.shown.leaf}
    return Sheet(
        title=_("It is no %(kind)s") % {"kind": one.kind},
        button=_("Ask to show it again"),
        back=_here(conversation_id, number),
        lead=_("A second person agrees first. The redacted view then shows the place, and no later scan masks it again."),
        facts=[(_("Type"), one.kind), (_("Masked by"), one.by), (_("Place in the original"), place % where)],
        grave=True,
    )


@act(action=ACTION, events=("approval.asked",), form=UndoForm, factor_for=ACTION, sheet=_undo_sheet)
def undo(
    request: HttpRequest, principal: Principal, given: dict[str, Any], *, conversation_id: UUID, number: int, finding_id: int
) -> HttpResponseBase:  # fmt: skip
    """Ask that what a finding masks is shown again."""
    _one(principal, conversation_id, number, finding_id)
    asked = judging.ask_unmask(principal=principal, finding_id=finding_id, reason=given["reason"], now=current_time())
    return done(request, _("You asked. A second person decides."), reverse("console:approval", args=[asked]))


@act(action=ACTION, events=("finding.confirmed",))
def confirm(
    request: HttpRequest, principal: Principal, given: dict[str, Any], *, conversation_id: UUID, number: int, finding_id: int
) -> HttpResponseBase:  # fmt: skip
    """Say that a finding is right."""
    _one(principal, conversation_id, number, finding_id)
    judging.confirm(principal=principal, finding_id=finding_id, now=current_time())
    return done(request, _("The finding is confirmed and outlives every later scan."), _here(conversation_id, number))
