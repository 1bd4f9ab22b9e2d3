"""What needs somebody today: a card for each thing that waits for a person who may act on it, leading to where that is done.

A card is there only while something waits; what each is about is open to whoever sees it.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.access import seconding
from governance.audit.attesting import deliveries
from governance.audit.models import AuditEntry, Checkpoint
from governance.audit.tallying import REFUSALS, told
from governance.conf.settings import vault_settings
from governance.console.words import counted, span
from governance.custody import showing
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import OPEN
from governance.jobs.models import Job
from governance.keys.limits import overdue
from governance.keys.listing import Shown
from governance.pipeline import managing
from governance.vault import counting

_OLD: Final = timedelta(days=7)
_SOON: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)


class Card(NamedTuple):
    """One thing that waits: how much of it, what it is, where it is done, and how grave it is (bad, warn or quiet)."""

    number: str
    text: str
    page: str
    icon: str
    tone: str = "warn"


def cards_for(*, principal: Principal, name: str, opened: Collection[str], now: datetime) -> list[Card]:
    """Return the cards of somebody to whom the acts `opened` are open, the gravest first; `name` is the account's."""
    found = [*_approvals(principal, name, now)]
    for actions, make in _MAKERS:
        if actions & set(opened):
            found += make(principal, now)
    return sorted(found, key=lambda card: ("bad", "warn", "quiet").index(card.tone))


def _approvals(principal: Principal, name: str, now: datetime) -> Iterator[Card]:
    waiting = seconding.approvals_for(principal=principal, now=now, waiting=True)
    if count := sum(one.asker != name for one in waiting):
        text = ngettext("approval waits for you", "approvals wait for you", count)
        yield Card(counted(count), text, reverse("console:approvals"), "how_to_reg")


def _messages(principal: Principal, now: datetime) -> Iterator[Card]:
    with tenant_scope(principal.tenant_id):
        found = counting.backlog()
    page = reverse("console:ingest")
    if count := found.quarantined.number:
        text = ngettext("message was set aside", "messages were set aside", count)
        yield Card(bounded(found.quarantined), text, page, "warning", "bad")
    if count := found.unscanned.number:
        text = ngettext("message could not be scanned", "messages could not be scanned", count)
        yield Card(bounded(found.unscanned), text, page, "help")
    if found.since is not None:
        text = ngettext("message waits for workers, the oldest for %(age)s",
                        "messages wait for workers, the oldest for %(age)s", found.waiting.number)  # fmt: skip
        age = span((now - found.since).total_seconds())
        yield Card(bounded(found.waiting), text % {"age": age}, page, "schedule", "quiet")


def _jobs(principal: Principal, now: datetime) -> Iterator[Card]:
    counts, page = managing.unfinished(tenant=principal.tenant_id), reverse("console:jobs")
    if found := counts.get(Job.State.QUARANTINED):
        text = ngettext("job was set aside", "jobs were set aside", found.number)
        yield Card(bounded(found), text, page, "error", "bad")
    if found := counts.get(Job.State.PAUSED):
        yield Card(bounded(found), ngettext("job is paused", "jobs are paused", found.number), page, "pause_circle")
    moving = [counts[state] for state in OPEN if state in counts]
    if count := sum(one.number for one in moving):
        found = counting.Bounded(count, any(one.more for one in moving))
        yield Card(bounded(found), ngettext("job is at work", "jobs are at work", count), page, "sync", "quiet")


def _keys(principal: Principal, now: datetime) -> Iterator[Card]:
    versions, page = showing.versions_for(principal=principal, now=now), reverse("console:keys")
    if count := sum(_is_due(one, now) for one in versions):
        text = ngettext("ring is due for a new version", "rings are due for a new version", count)
        yield Card(counted(count), text, page, "autorenew")
    if count := sum(one.state == "compromised" and one.data_keys > 0 for one in versions):
        text = ngettext("compromised version still wraps data keys", "compromised versions still wrap data keys", count)
        yield Card(counted(count), text, page, "gpp_bad", "bad")
    if count := sum(one.state == "suspended" for one in versions):
        text = ngettext("version is suspended and opens nothing", "versions are suspended and open nothing", count)
        yield Card(counted(count), text, page, "pause_circle")
    if count := sum(one.destroy_at is not None and one.state != "destroyed" for one in versions):
        text = ngettext("version waits for its destruction", "versions wait for their destruction", count)
        yield Card(counted(count), text, page, "auto_delete")


def _is_due(one: Shown, now: datetime) -> bool:
    """Return whether an active version is replaced within a week, by age or by its uses."""
    days = vault_settings().key_days
    return one.state == "active" and bool(overdue(uses=one.uses, activated_at=one.activated_at, days=days, now=now + _SOON))


def _record(principal: Principal, now: datetime) -> Iterator[Card]:
    tenant, page = principal.tenant_id, reverse("console:audit")
    with tenant_scope(tenant):
        refused = sum(number for _hour, _code, number in told(tenant=tenant, kind=REFUSALS, since=now - _DAY))
        seen = AuditEntry.objects.filter(tenant_id=tenant, event="audit.verified").order_by("-sequence").first()
        head = Checkpoint.objects.filter(tenant_id=tenant).order_by("-sequence").first()
        behind = sum(one.sequence < head.sequence for one in deliveries(tenant=tenant)) if head else 0
    if refused:
        text = ngettext("refusal in the last 24 hours", "refusals in the last 24 hours", refused)
        yield Card(counted(refused), text, f"{page}?event=grant.refused", "block")
    if seen is None or seen.recorded_at < now - _OLD:
        age = _("never") if seen is None else span((now - seen.recorded_at).total_seconds())
        text = _("was the record verified") if seen is None else _("since the record was verified")
        yield Card(age, text, page, "verified")
    if behind:
        text = ngettext("sink of signed heads is behind", "sinks of signed heads are behind", behind)
        yield Card(counted(behind), text, reverse("console:health"), "cloud_off", "bad")


def bounded(count: counting.Bounded) -> str:
    """Return a count in words that say where there are more."""
    return _("more than %(number)s") % {"number": counted(count.number)} if count.more else counted(count.number)


_MAKERS: Final[tuple[tuple[set[str], Callable[[Principal, datetime], Iterator[Card]]], ...]] = (
    ({"manage_jobs"}, _messages),
    ({"manage_jobs"}, _jobs),
    ({"manage_keys", "read_audit"}, _keys),
    ({"read_audit"}, _record),
)
