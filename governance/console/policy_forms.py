"""The form in which a policy is drafted: the fields of access's form, or the Cedar text itself, and the reason."""

from datetime import UTC
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from governance.access.cells import CLASSIFICATIONS
from governance.access.forms import PolicyForm
from governance.access.recognising import read_form
from governance.access.rules import LONGEST
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.console.forms import ReasonField
from governance.console.policy_words import WEEKDAYS
from governance.identity.roles import Role

BY_FORM: Final = "form"
BY_HAND: Final = "cedar"
_ANSWERS: Final = (("", _("no matter")), ("yes", _("yes")), ("no", _("no")))
_LEVELS: Final = (("", _("no matter")), *((level, _(level)) for level in CLASSIFICATIONS))
_MOMENT: Final = "%Y-%m-%dT%H:%M"
_FURTHER: Final = (
    "lowest", "highest", "held", "restricted", "not_before", "not_after", "from_time", "until_time",
)  # fmt: skip
_LISTS: Final = ("roles", "actions", "purposes", "collections")


class NamesField(forms.MultipleChoiceField):
    """Some of the names that the page offers; the domain judges them, for what a tenant has may change meanwhile."""

    def valid_value(self, value: str) -> bool:
        """Return whether the name can be one at all."""
        return len(value) <= 255 and value.isprintable()  # noqa: PLR2004 - the longest name of a collection


def _boxes(label: Any, choices: Any = ()) -> forms.MultipleChoiceField:
    return NamesField(label=label, choices=list(choices), required=False, widget=forms.CheckboxSelectMultiple)


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT)
    return forms.DateTimeField(label=label, required=False, widget=widget, input_formats=[_MOMENT, f"{_MOMENT}:%S"])


def _hour(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


class WritingForm(forms.Form):
    """What a policy says: by the form, or in Cedar by hand."""

    writing = forms.ChoiceField(
        label=_("Who writes the Cedar"), widget=forms.RadioSelect, initial=BY_FORM,
        choices=[(BY_FORM, _("The form writes it")), (BY_HAND, _("I write it myself"))],
    )  # fmt: skip
    effect = forms.ChoiceField(
        label=_("Effect"), widget=forms.RadioSelect, initial="permit", required=False,
        choices=[("permit", _("Permit")), ("forbid", _("Forbid, whatever else permits it"))],
    )  # fmt: skip
    roles = _boxes(_("Roles"), Role.choices)
    actions = _boxes(_("Actions"), [(one, _(one)) for one in (*CONTENT_ACTIONS, *TENANT_ACTIONS)])
    purposes = _boxes(_("Purposes; none means all"))
    collections = _boxes(_("Collections; none means all"))
    lowest = forms.ChoiceField(label=_("Lowest classification"), choices=_LEVELS, required=False)
    highest = forms.ChoiceField(label=_("Highest classification"), choices=_LEVELS, required=False)
    held = forms.ChoiceField(label=_("Held by a legal hold"), choices=_ANSWERS, required=False)
    restricted = forms.ChoiceField(label=_("Restricted"), choices=_ANSWERS, required=False)
    second_factor = forms.BooleanField(label=_("Depends on a fresh second factor"), required=False)
    not_before = _moment(_("From (UTC)"))
    not_after = _moment(_("Until (UTC)"))
    weekdays = _boxes(_("Weekdays; none means all"), WEEKDAYS.items())
    from_time = _hour(_("From this hour (UTC)"))
    until_time = _hour(_("Until this hour (UTC)"))
    cedar = forms.CharField(
        label=_("Cedar"), required=False, max_length=LONGEST, strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "autocomplete": "off"}),
    )  # fmt: skip

    @property
    def further(self) -> list[forms.BoundField]:
        """The conditions that most policies do not need."""
        return [self[name] for name in _FURTHER]

    def written(self, name: str) -> str:
        """Return the Cedar text of a form that was checked. Raises PolicyInvalid for fields that do not go together."""
        if self.cleaned_data.get("writing") == BY_HAND:
            return str(self.cleaned_data.get("cedar", "")).replace("\r\n", "\n")
        return self._form(name).write()

    def _form(self, name: str) -> PolicyForm:
        given: dict[str, Any] = self.cleaned_data
        days = frozenset(int(day) for day in given.get("weekdays", ()) if day.isdigit())
        lists: dict[str, Any] = {one: frozenset(given.get(one, ())) for one in _LISTS}
        moments = {one: given[one].replace(tzinfo=UTC) for one in ("not_before", "not_after") if given.get(one)}
        return PolicyForm(
            name=name,
            forbid=given.get("effect") == "forbid",
            **lists,
            lowest=given.get("lowest", ""),
            highest=given.get("highest", ""),
            held=_boolean(given.get("held")),
            restricted=_boolean(given.get("restricted")),
            second_factor=bool(given.get("second_factor")),
            weekdays=days,
            from_time=given.get("from_time"),
            until_time=given.get("until_time"),
            **moments,
        )


class VersionForm(WritingForm):
    """A new version of a policy, and why."""

    reason = ReasonField()


class DraftForm(VersionForm):
    """A new policy: its name, what it says, and why."""

    name = forms.RegexField(
        r"^[a-z0-9_-]{1,64}$", label=_("Name"), max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        help_text=_("1 to 64 small letters, digits, - and _; all versions of a policy share it."),
        error_messages={"invalid": _("A policy is named by 1 to 64 small letters, digits, - and _.")},
    )  # fmt: skip


class DryRunForm(forms.Form):
    """How many recorded requests are decided again."""

    last = forms.TypedChoiceField(coerce=int, choices=[(one, f"{one:,}") for one in (100, 500, 2_000, 10_000)])


def filled_from(name: str, cedar: str) -> dict[str, Any]:
    """Return the form's first values for a text: its fields where the form can say it, the text by hand otherwise."""
    found = read_form(name=name, cedar=cedar)
    if found is None:
        return {"writing": BY_HAND, "cedar": cedar}
    return {
        "writing": BY_FORM,
        "cedar": cedar,
        "effect": "forbid" if found.forbid else "permit",
        **{one: sorted(getattr(found, one)) for one in _LISTS},
        "lowest": found.lowest,
        "highest": found.highest,
        "held": _word(found.held),
        "restricted": _word(found.restricted),
        "second_factor": found.second_factor,
        "not_before": found.not_before,
        "not_after": found.not_after,
        "weekdays": [str(day) for day in sorted(found.weekdays)],
        "from_time": found.from_time,
        "until_time": found.until_time,
    }


def _boolean(word: str | None) -> bool | None:
    return {"yes": True, "no": False}.get(word or "")


def _word(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
