"""What pages say of states, lengths of time and shares: a word and an icon each, for colour alone says nothing."""

from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from governance.audit.attesting import SELF_ATTESTED

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


class Status(NamedTuple):
    """How a state looks: `tone` chooses the colour (good, warn, bad or quiet)."""

    word: str | Promise
    icon: str
    tone: str


VERSION_STATES: Final = {
    "pre-activation": Status(_("Pre-activation"), "hourglass_empty", "quiet"),
    "active": Status(_("Active"), "check_circle", "good"),
    "suspended": Status(_("Suspended"), "pause_circle", "warn"),
    "deactivated": Status(_("Deactivated"), "lock_clock", "quiet"),
    "compromised": Status(_("Compromised"), "warning", "bad"),
    "destroyed": Status(_("Destroyed"), "delete_forever", "quiet"),
}
WAITS_FOR_END: Final = Status(_("Waits for its destruction"), "auto_delete", "bad")
JOB_STATES: Final = {
    "waiting": Status(_("Waiting"), "schedule", "quiet"),
    "running": Status(_("Running"), "sync", "good"),
    "paused": Status(_("Paused"), "pause_circle", "warn"),
    "done": Status(_("Done"), "check_circle", "good"),
    "cancelled": Status(_("Cancelled"), "cancel", "quiet"),
    "quarantined": Status(_("Set aside"), "warning", "bad"),
}
APPROVAL_STATES: Final = {
    "asked": Status(_("Waits for a second person"), "pending", "warn"),
    "seconded": Status(_("Agreed, not carried out yet"), "task_alt", "good"),
    "refused": Status(_("Refused"), "block", "bad"),
    "withdrawn": Status(_("Withdrawn"), "undo", "quiet"),
    "expired": Status(_("Expired"), "timer_off", "quiet"),
    "used": Status(_("Carried out"), "check_circle", "quiet"),
}
POLICY_STATES: Final = {
    "draft": Status(_("Draft"), "edit", "warn"),
    "active": Status(_("In force"), "check_circle", "good"),
    "retired": Status(_("Retired"), "pause_circle", "quiet"),
}
TOKEN_STATES: Final = {
    "live": Status(_("Good"), "check_circle", "good"),
    "expired": Status(_("Expired"), "timer_off", "quiet"),
    "revoked": Status(_("Revoked"), "block", "quiet"),
}
FINDING_STATES: Final = {
    "open": Status(_("Masked, nobody said anything of it"), "help", "quiet"),
    "confirmed": Status(_("Masked, confirmed"), "check_circle", "good"),
    "rejected": Status(_("Shown again"), "visibility", "warn"),
}
MESSAGE_STATES: Final = {
    "pending": Status(_("Waits for a worker"), "schedule", "warn"),
    "redacted": Status(_("Scanned and redacted"), "check_circle", "good"),
    "unscanned": Status(_("Could not be scanned"), "help", "warn"),
    "quarantined": Status(_("Set aside"), "warning", "bad"),
    "erased": Status(_("Erased"), "delete_forever", "quiet"),
}
WORKS: Final = Status(_("Works"), "check_circle", "good")
LATE: Final = Status(_("Late"), "schedule", "warn")
DOWN: Final = Status(_("Down"), "error", "bad")
USES: Final = {
    "content": (_("Content"), _("Originals of messages and titles.")),
    "redacted": (_("Redacted forms"), _("Redacted forms, so that they can be read where originals may not.")),
    "index": (_("Blind index"), _("Keyed hashes for search and marks; never the values.")),
    "tombstone": (_("Tombstones"), _("Remembers who was erased.")),
    "inbox": (_("Inbox"), _("Producers that may write and never read.")),
    "signing": (_("Signing"), _("Signs audit heads and certificates.")),
}
TOPICS: Final = {
    "rewrap": _("Rewrap"),
    "reencrypt": _("Re-encrypt"),
    "reindex": _("Re-key the blind index"),
    "rescan": _("Scan anew"),
    "verify": _("Verify the audit trail"),
    "notice": _("Notice by mail"),
}


WITHHELD: Final = {
    "not scanned yet": _("not scanned yet"),
    "could not be scanned": _("could not be scanned"),
    "set aside after three attempts": _("set aside after three attempts"),
    "erased": _("erased"),
}


def kind_word(kind: str) -> str:
    """Return what a type of a finding is called, in the reader's language; one that a tenant named stays as it is."""
    return gettext(kind.replace("_", " ").lower())


def attested(word: str) -> str:
    """Return what vouches for a record, as `attestation` tells it, in the reader's language."""
    if word == SELF_ATTESTED:
        return gettext("self-attested")
    kinds = word.removeprefix("attested by ").removesuffix(" outside").split(" and ")
    return gettext("attested by %(kinds)s outside") % {"kinds": get_text_list(kinds, gettext("and"))}


def span(seconds: float | None) -> str:
    """Return a length of time in words, rounded up to whole units; empty for None."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return str(_("less than a minute"))
    if seconds < _HOUR:
        count = -(-int(seconds) // _MINUTE)
        return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": count}
    if seconds < 2 * _DAY:
        count = -(-int(seconds) // _HOUR)
        return ngettext("%(count)s hour", "%(count)s hours", count) % {"count": count}
    count = -(-int(seconds) // _DAY)
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def counted(number: int | None) -> str:
    """Return a count with its thousands apart, or a dash for what is not counted."""
    return "–" if number is None else f"{number:,}"


def share(part: float, whole: float) -> str:
    """Return a share in percent, with two digits where it is small; never 0 for something."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.01:  # noqa: PLR2004 - what two digits show
        return "< 0.01 %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %"
