"""The forms of acts: what a person says, checked before the domain is asked."""

from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.keys.limits import LONGEST_WAIT_DAYS, SHORTEST_WAIT_DAYS

LONGEST_REASON: Final = 500


class ReasonField(forms.Field):
    """A reason in one line of printable characters; runs of spaces become one."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": gettext_lazy("Say why: the reason is kept."),
        "unprintable": gettext_lazy("Give the reason in at most %(most)s printable characters."),
    }

    def __init__(self, **kwargs: Any) -> None:
        rows = forms.Textarea(attrs={"rows": 2, "maxlength": LONGEST_REASON, "autocomplete": "off"})
        super().__init__(**{"label": gettext_lazy("Reason"), "widget": rows, **kwargs})

    def to_python(self, value: Any) -> str:
        """Return the text with runs of white space made one space."""
        return " ".join(str(value or "").split())

    def validate(self, value: str) -> None:
        """Raise ValidationError where nothing is said, or what cannot be kept."""
        super().validate(value)
        if len(value) > LONGEST_REASON or not (value.isprintable() or not value):
            most = {"most": LONGEST_REASON}
            raise forms.ValidationError(self.error_messages["unprintable"], params=most)


class NothingToSay(forms.Form):
    """An act that takes nothing but its button."""


class ExpectedForm(forms.Form):
    """`expected` is the tag of what the person saw; the domain refuses where it is another by now."""

    expected = forms.RegexField(r"^[0-9a-f]{16}$", widget=forms.HiddenInput)


class ReasonForm(ExpectedForm):
    """A change of what the person saw, with its reason."""

    reason = ReasonField()


class TypedForm(ReasonForm):
    """An act that cannot be undone: the name of its key is typed."""

    typed = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))


class DestroyForm(forms.Form):
    """A destruction: how long it waits, why, and the key's name, typed."""

    days = forms.IntegerField(
        label=gettext_lazy("Days to wait"), min_value=SHORTEST_WAIT_DAYS, max_value=LONGEST_WAIT_DAYS,
        initial=LONGEST_WAIT_DAYS,
        help_text=gettext_lazy("It waits from the moment at which the agreed act is carried out; any officer cancels it."),
    )  # fmt: skip
    reason = ReasonField()
    typed = TypedForm.base_fields["typed"]


class NumberForm(ExpectedForm):
    """The lowest version that a ring shall accept."""

    number = forms.IntegerField(label=gettext_lazy("Lowest version"), min_value=1, max_value=2**31 - 1)


class LowerForm(forms.Form):
    """The lower minimum that a second person is asked for, and why."""

    number = forms.IntegerField(label=gettext_lazy("Lowest version"), min_value=1, max_value=2**31 - 1)
    reason = ReasonField()


class PurposeForm(forms.Form):
    """A purpose of reading; a word that the tenant does not know changes nothing."""

    purpose = forms.CharField(required=False, strip=False)


class TenantForm(forms.Form):
    """The tenant to switch to."""

    tenant = forms.CharField(required=False)


class RevealForm(forms.Form):
    """For which purpose and why the source is shown."""

    purpose = forms.CharField(required=False)
    reason = ReasonField(
        error_messages={"required": gettext_lazy("Say why the source is needed; the reason is kept with the record.")}
    )


class CopyForm(RevealForm):
    """Which message of a revealed page is copied, counted from 1, for the purpose and the reason of the reveal."""

    message = forms.IntegerField(min_value=1, max_value=2**31 - 1)


def first_fault(form: forms.Form) -> str:
    """Return what is wrong with the form, for one line above it."""
    for name, faults in form.errors.items():
        field = form.fields.get(name)
        label = "" if field is None or isinstance(field, ReasonField) or not field.label else f"{field.label}: "
        return f"{label}{faults[0]}"
    return _("The form is not complete.")
