"""Acts on a ring: rotate, rewrap, re-encrypt, raise and lower the minimum. Each shows its plan before it is asked for."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.acting import Sheet, act, done
from governance.console.forms import ExpectedForm, LowerForm, NothingToSay, NumberForm, ReasonField
from governance.console.gates import current_time, open_actions
from governance.console.hierarchy import RingLine, name_of, provider_names
from governance.console.keyrings import ring_line
from governance.console.words import counted, span
from governance.custody import minimum, showing
from governance.custody.planning import plan
from governance.custody.reencrypting import ask_reencrypt
from governance.custody.reindexing import ask_reindex
from governance.custody.rewrapping import ask_rewrap
from governance.custody.rotation import rotate_ring
from governance.identity.principals import Principal
from governance.keys.errors import ProviderNotListed
from governance.keys.models import KeyUse
from governance.keys.providers import listed_uris


class RotateForm(ExpectedForm):
    """A rotation: which listed provider wraps the new version, by its place in the list, and why."""

    provider = forms.ChoiceField(label=gettext_lazy("Wrapped by"), required=False)
    reason = ReasonField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["provider"]
        names = list(provider_names().values())
        field.choices = [("", _("as the version before")), *((str(at), name) for at, name in enumerate(names, 1))]
        if len(names) == 1:
            field.widget = forms.HiddenInput()


def _back(ring_id: UUID) -> str:
    return reverse("console:ring", args=[ring_id])


def _use_of(principal: Principal, ring_id: UUID) -> str:
    return showing.ring_for(principal=principal, ring_id=ring_id, now=current_time()).use


def _facts(line: RingLine) -> list[tuple[str, str]]:
    active = line.active
    return [
        (_("Ring"), line.use),
        (_("Active version"), active.name if active else "–"),
        (_("Lowest version accepted"), name_of(line.shown.use, line.shown.minimum)),
        (_("Live data keys"), counted(line.shown.data_keys)),
    ]


def _rotate_sheet(request: HttpRequest, principal: Principal, ring_id: UUID) -> Sheet:
    line = ring_line(principal, ring_id)
    found = plan(principal=principal, use=line.shown.use, now=current_time())
    facts = [*_facts(line), (_("Data keys that a rewrap would then move"), counted(line.shown.data_keys - found.kept))]
    return Sheet(
        title=_("Rotate %(use)s") % {"use": line.use},
        button=_("Rotate now"),
        back=_back(ring_id),
        lead=_(
            "The ring gets a new active version, and the one before is deactivated: it seals no more and still opens."
            " No message is touched, and writers go on. A rewrap moves the data keys afterwards."
        ),
        facts=facts,
        tag=line.shown.tag,
    )


@act(
    action="manage_keys", events=("key.rotated",), form=RotateForm, factor_for="manage_keys", sheet=_rotate_sheet
)  # fmt: skip
def rotate(request: HttpRequest, principal: Principal, given: dict[str, Any], ring_id: UUID) -> HttpResponseBase:
    """Give the ring a new active version."""
    chosen = int(given["provider"] or 0)
    uris = listed_uris()
    if chosen > len(uris):
        raise ProviderNotListed(_("The list of providers has changed; choose again."))
    use = _use_of(principal, ring_id)
    number = rotate_ring(
        principal=principal, use=use, reason=given["reason"], expected=given["expected"], now=current_time(),
        provider_uri=uris[chosen - 1] if chosen else "",
    )  # fmt: skip
    return done(request, _("%(name)s is active now.") % {"name": name_of(use, number)}, _back(ring_id))


def _rewrap_sheet(request: HttpRequest, principal: Principal, ring_id: UUID) -> Sheet:
    line = ring_line(principal, ring_id)
    found = plan(principal=principal, use=line.shown.use, now=current_time())
    return Sheet(
        title=_("Rewrap %(use)s") % {"use": line.use},
        button=_("Rewrap"),
        back=_back(ring_id),
        lead=_(
            "A job moves every live data key to the active version; after it the older versions wrap none and can be"
            " destroyed. No message is touched, writers go on, and the job can be paused at any time."
        ),
        facts=[
            *_facts(line),
            (_("Data keys to move"), counted(found.data_keys)),
            (_("Data keys that stay, under suspended versions"), counted(found.kept)),
            (_("Time, at the rate of the last rewrap"), span(found.rewrap_seconds) or _("not known yet")),
        ],
        warning="" if found.data_keys else _("Every data key is under the active version already."),
    )


@act(action="manage_keys", events=("job.asked",), form=NothingToSay, factor_for="manage_keys", sheet=_rewrap_sheet)
def rewrap(request: HttpRequest, principal: Principal, given: dict[str, Any], ring_id: UUID) -> HttpResponseBase:
    """Ask for the job that moves the ring's data keys."""
    job = ask_rewrap(principal=principal, use=_use_of(principal, ring_id), now=current_time())
    return _begun(request, job, ring_id)


def _reencrypt_sheet(request: HttpRequest, principal: Principal, ring_id: UUID) -> Sheet:
    line = ring_line(principal, ring_id)
    found = plan(principal=principal, use=line.shown.use, now=current_time())
    return Sheet(
        title=_("Re-encrypt %(use)s") % {"use": line.use},
        button=_("Re-encrypt everything"),
        back=_back(ring_id),
        lead=_(
            "A job seals everything that this ring protects under new data keys and destroys the old ones: whoever stole"
            " one opens nothing of what is stored. It is meant for after a compromise, and takes long. Readers and writers"
            " go on, and the job can be paused at any time. Copies in backups are not reached."
        ),
        facts=[
            *_facts(line),
            (_("Records to seal anew"), counted(found.records)),
            (_("Time, at the rate of the last such job"), span(found.reencrypt_seconds) or _("not known yet")),
        ],
        grave=True,
    )


@act(action="manage_keys", events=("job.asked",), form=NothingToSay, factor_for="manage_keys", sheet=_reencrypt_sheet)
def reencrypt(request: HttpRequest, principal: Principal, given: dict[str, Any], ring_id: UUID) -> HttpResponseBase:
    """Ask for the job that seals anew what the ring protects; the blind index is made anew."""
    use, now = _use_of(principal, ring_id), current_time()
    if use == KeyUse.INDEX:
        return _begun(request, ask_reindex(principal=principal, now=now), ring_id)
    return _begun(request, ask_reencrypt(principal=principal, use=use, now=now), ring_id)


def _raise_sheet(request: HttpRequest, principal: Principal, ring_id: UUID) -> Sheet:
    line = ring_line(principal, ring_id)
    active = line.active
    return Sheet(
        title=_("Raise the lowest version of %(use)s") % {"use": line.use},
        button=_("Raise the lowest version"),
        back=_back(ring_id),
        lead=_(
            "What is wrapped by an older version opens nowhere any more, though the version exists: whoever puts an old row"
            " back gains nothing. It is refused while an older version wraps anything. Lowering it again takes two people."
        ),
        facts=_facts(line),
        tag=line.shown.tag,
        initial={"number": active.shown.version if active else line.shown.minimum},
    )


@act(action="manage_keys", events=("key.minimum_changed",), form=NumberForm, factor_for="manage_keys", sheet=_raise_sheet)
def raise_minimum(request: HttpRequest, principal: Principal, given: dict[str, Any], ring_id: UUID) -> HttpResponseBase:
    """Let the ring accept newer versions only."""
    number = minimum.raise_minimum(
        principal=principal, use=_use_of(principal, ring_id), number=given["number"], expected=given["expected"],
        now=current_time(),
    )  # fmt: skip
    return done(request, _("Versions below %(number)s open nothing now.") % {"number": number}, _back(ring_id))


def _lower_sheet(request: HttpRequest, principal: Principal, ring_id: UUID) -> Sheet:
    line = ring_line(principal, ring_id)
    return Sheet(
        title=_("Lower the lowest version of %(use)s") % {"use": line.use},
        button=_("Ask a second person"),
        back=_back(ring_id),
        lead=_("Older versions would open again. A second person agrees first; then one of you carries it out."),
        facts=_facts(line),
        grave=True,
        initial={"number": max(line.shown.minimum - 1, 1)},
    )


@act(action="manage_keys", events=("approval.asked",), form=LowerForm, factor_for="manage_keys", sheet=_lower_sheet)
def ask_minimum(request: HttpRequest, principal: Principal, given: dict[str, Any], ring_id: UUID) -> HttpResponseBase:
    """Ask a second person to let the ring accept older versions again."""
    asked = minimum.ask_lower_minimum(
        principal=principal, use=_use_of(principal, ring_id), number=given["number"], reason=given["reason"],
        now=current_time(),
    )  # fmt: skip
    return done(request, _("A second person is asked."), reverse("console:approval", args=[asked]))


def _begun(request: HttpRequest, job: UUID, ring_id: UUID) -> HttpResponseBase:
    """Lead to the job where the person may see jobs, else back to the ring."""
    to = reverse("console:job", args=[job]) if "manage_jobs" in open_actions(request) else _back(ring_id)
    return done(request, _("The job is in the queue."), to)
