"""The form in which settings of detection are drafted: lines of text and a table of levels, or the JSON itself.

What a line means is read here, and judged by the domain; its faults come back to the line that they are about.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.forms import NothingToSay, ReasonField
from governance.console.policy_forms import BY_FORM
from governance.console.profile_words import LEVEL_WORDS, kind_or_nothing, said_of
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.json_values import loads
from governance.privacy.detecting import LARGEST_TEXT
from governance.privacy.detectors import Kind
from governance.privacy.profiles import Fault, SettingsInvalid, read_settings
from governance.privacy.profiles.classes import DEFAULTS, LEVELS, NOTHING
from governance.web.explanations import told

BY_HAND: Final = "json"
LONGEST_JSON: Final = 1_000_000
_LEVEL: Final = "level_"
_KINDS: Final = frozenset(map(str, Kind))
_LINES: Final = {
    "deny": gettext_lazy("Terms that are masked"),
    "allow": gettext_lazy("Values that are left"),
    "patterns": gettext_lazy("Patterns of your own"),
}


def _text(label: Any, help_text: Any, *, rows: int = 5) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=LONGEST_JSON, widget=area
    )  # fmt: skip


class SettingsForm(forms.Form):
    """What a profile says: by the form, or as JSON by hand."""

    writing = forms.ChoiceField(
        label=gettext_lazy("Who writes the JSON"), widget=forms.RadioSelect, initial=BY_FORM,
        choices=[(BY_FORM, gettext_lazy("The form writes it")), (BY_HAND, gettext_lazy("I write it myself"))],
    )  # fmt: skip
    deny = _text(_LINES["deny"], gettext_lazy("One a line, in any case and spacing: the name of a project, of a person."))
    allow = _text(
        _LINES["allow"],
        gettext_lazy("One a line: support@example.com. Where no detector knows its type, the type first: PHONE: 555 2671"),
    )  # fmt: skip
    patterns = _text(
        _LINES["patterns"],
        gettext_lazy("One a line: name, type of what it finds, pattern in re2; for instance ticket CUSTOM TCK-[0-9]{6}"),
    )  # fmt: skip
    document = _text(gettext_lazy("In JSON"), "", rows=18)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in (NOTHING, *map(str, Kind)):
            unset = _("not set (%(level)s)") % {"level": LEVEL_WORDS[DEFAULTS[kind].name.lower()]}
            self.fields[f"{_LEVEL}{kind}"] = forms.ChoiceField(
                label=kind_or_nothing(kind), required=False,
                choices=[("", unset), *((name, LEVEL_WORDS[name]) for name in LEVELS)],
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Let the domain judge what was written; `settings` is then among the values."""
        super().clean()
        if not self.errors:
            self.cleaned_data["settings"] = self._settings()
        return self.cleaned_data

    @property
    def lines(self) -> list[forms.BoundField]:
        """The fields that hold one thing a line."""
        return [self[name] for name in _LINES]

    @property
    def sets_levels(self) -> bool:
        """Whether some level is set, so that the table of them is shown at once."""
        return any(field.value() for field in self.levels)

    @property
    def levels(self) -> list[forms.BoundField]:
        """The fields that say how sensitive a text is by what was found in it."""
        return [self[name] for name in self.fields if name.startswith(_LEVEL)]

    def _settings(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        lines: dict[str, list[int]] = {}
        if given.get("writing") == BY_HAND:
            return _checked(_parsed(given.get("document", "")), {})
        wanted: dict[str, Any] = {"classes": self._levels()}
        for name, read in _READERS.items():
            written = [(at, line.strip()) for at, line in enumerate(given.get(name, "").splitlines(), 1) if line.strip()]
            lines[name] = [at for at, _line in written]
            wanted[name] = [read(line, at) for at, line in written]
        return _checked(wanted, lines)

    def _levels(self) -> dict[str, str]:
        found = {name.removeprefix(_LEVEL): self.cleaned_data.get(name) for name in self.fields if name.startswith(_LEVEL)}
        return {kind: level for kind, level in found.items() if level}


class VersionForm(SettingsForm):
    """A new version of a profile, and why."""

    reason = ReasonField()


class DraftForm(VersionForm):
    """A new profile: for the whole tenant or for one collection, what it says, and why."""

    collection = forms.UUIDField(label=gettext_lazy("Applies to"), required=False)


class AskForm(NothingToSay):
    """Why a second person is asked."""

    reason = ReasonField()


class ActivateForm(NothingToSay):
    """`expected` is the tag of the version as the person saw it."""

    expected = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)


class TryForm(NothingToSay):
    """A text to try a version on."""

    text = forms.CharField(
        label=gettext_lazy("A text to try it on"), strip=False, max_length=LARGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )  # fmt: skip


def _allowed(line: str, _at: int) -> Any:
    kind, colon, value = line.partition(":")
    return {"type": kind, "value": value.strip()} if colon and kind in _KINDS else line


def _pattern(line: str, at: int) -> dict[str, str]:
    parts = line.split(maxsplit=2)
    if len(parts) < 3 or parts[1] not in _KINDS:  # noqa: PLR2004 - name, type, pattern
        raise _line_fault("patterns", at, _("a line is a name, a type in capitals and a pattern, in this order"))
    return dict(zip(("name", "type", "pattern"), parts, strict=True))


_READERS: Final[Mapping[str, Callable[[str, int], Any]]] = {
    "deny": lambda line, _at: line, "allow": _allowed, "patterns": _pattern,
}  # fmt: skip


def _line_fault(field: str, line: int, what: str) -> forms.ValidationError:
    return _fault_at(str(_LINES[field]), line, what)


def _fault_at(place: str, line: int, what: str) -> forms.ValidationError:
    if not line:
        return forms.ValidationError(f"{place}: {what}")
    words = {"place": place, "line": line, "what": what}
    return forms.ValidationError(_("%(place)s, line %(line)s: %(what)s") % words)


def _parsed(text: str) -> Any:
    try:
        return loads(text.encode())
    except FormatError as fault:
        raise _fault_at(_("In JSON"), fault.line, told(fault.code, fault.reason)) from None


def _checked(settings: Any, lines: Mapping[str, list[int]]) -> dict[str, Any]:
    try:
        return read_settings(settings).as_json()
    except SettingsInvalid as invalid:
        raise forms.ValidationError([_told(one, lines) for one in invalid.faults]) from None


def _told(fault: Fault, lines: Mapping[str, list[int]]) -> forms.ValidationError:
    """Return a fault at the line of the form that it is about; where there is none, at its place in the JSON."""
    field, *further = fault.steps or ("",)
    number = next((step for step in further if isinstance(step, int)), None)
    what = said_of(fault.what)
    if field in lines and number is not None and number < len(lines[str(field)]):
        return _line_fault(str(field), lines[str(field)][number], what)
    place = str(_LINES[str(field)]) if field in lines else ".".join(map(str, fault.steps)) or _("The profile")
    return _fault_at(place, 0, what)


def filled_from(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's first values: its fields where they say exactly these settings, the JSON by hand otherwise."""
    document = json.dumps(settings, ensure_ascii=False, indent=2)
    filled = {
        "writing": BY_FORM,
        "document": document,
        "deny": "\n".join(settings["deny"]),
        "allow": "\n".join(f"{one['type']}: {one['value']}" for one in settings["allow"]),
        "patterns": "\n".join(f"{one['name']} {one['type']} {one['pattern']}" for one in settings["patterns"]),
        **{f"{_LEVEL}{kind}": level for kind, level in settings["classes"].items()},
    }
    return filled if _reads_back(filled, settings) else {"writing": BY_HAND, "document": document}


def _reads_back(filled: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    form = SettingsForm(filled)
    return form.is_valid() and form.cleaned_data["settings"] == settings
