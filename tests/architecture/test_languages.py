"""Every string that somebody sees is in the catalogue, translated, with the places for names and numbers that it has."""

import io
import re
import shutil

import pytest
from babel.messages.mofile import write_mo
from django.core.management import CommandError, call_command
from django.utils.translation import gettext, ngettext, override

from governance.management import catalogue
from governance.web.explanations import MEANINGS, told
from governance.web.statuses import status_of
from tests.architecture.test_docs import rows

# What is the same in both languages.
SAME = {"Cedar", "JSON"}
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\}|<[^>]+>|`[^`]+`")


def entries():
    return [message for message in catalogue.stored() if message.id]


def pairs():
    """Each string with its translation; the one form of Chinese stands for both of a plural."""
    for message in entries():
        if isinstance(message.id, str):
            yield message.id, message.string
        else:
            yield message.id[1], message.string[0] if isinstance(message.string, tuple) else message.string


def test_every_string_of_the_source_is_in_the_catalogue_and_translated():
    assert catalogue.missing() == []
    assert len(entries()) > 600


def test_no_translation_is_its_source():
    assert {said for said, given in pairs() if said == given} == SAME


def test_every_translation_is_chinese():
    assert [said for said, given in pairs() if said not in SAME and not re.search(r"[\u4e00-\u9fff]", given)] == []


def test_a_translation_has_the_places_of_its_source():
    wrong = [said for said, given in pairs() if sorted(PLACE.findall(said)) != sorted(PLACE.findall(given))]
    assert wrong == []


def test_every_string_of_the_skin_is_said_in_chinese():
    """The skin brings no Chinese and is not ours to extract from: its strings are read where it is installed."""
    found = set(catalogue.of_the_skin())
    assert len(found) > 80
    with override("zh-hans"):
        same = [one for one in found if (gettext(one) if isinstance(one, str) else ngettext(*one, 2)) in {one, *one[1:2]}]
    assert same == []


def test_what_is_compiled_is_what_is_written():
    """A catalogue that was changed and not compiled shows old words; `make environment-dev` compiles it."""
    fresh = io.BytesIO()
    write_mo(fresh, catalogue.stored())
    assert catalogue.file().with_suffix(".mo").read_bytes() == fresh.getvalue()


def test_every_code_that_an_answer_carries_has_its_meaning():
    carried = {code: cells[1] for code, cells in rows("errors.md").items() if re.fullmatch(r"(item )?\d{3}", cells[0])}
    with override("en"):
        assert {code: str(meaning) for code, meaning in MEANINGS.items()} == carried
    assert all(status_of(code) for code in MEANINGS)


def test_an_error_is_told_in_the_readers_language_and_keeps_what_was_said():
    with override("en"):
        assert told("policy.denied", "No.") == "No."
    with override("zh-hans"):
        assert told("policy.denied", "No.") == "没有策略允许此事，或有策略禁止。 (No.)"
        assert told("unknown.code", "No.") == "No."


@pytest.fixture
def other(monkeypatch, tmp_path):
    """A catalogue of its own, so that the kept one is not touched."""
    copy = tmp_path / "django.po"
    shutil.copy(catalogue.file(), copy)
    monkeypatch.setattr(catalogue, "file", lambda: copy)
    return copy


def test_extracting_what_is_whole_changes_nothing(other):
    before = other.read_bytes()
    call_command("languages", "extract")
    assert other.read_bytes() == before


def test_control_a_new_string_a_lost_one_and_one_without_words_are_seen(other, monkeypatch):
    kept = catalogue.messages()
    kept.pop("Carry it out")
    monkeypatch.setattr(catalogue, "messages", lambda: {**kept, "A new sentence.": [("x.py", 1)]})
    other.write_text(other.read_text("utf-8").replace('msgstr "暂停作业"', 'msgstr ""'), "utf-8")
    assert catalogue.missing() == [
        "not in the catalogue: 'A new sentence.'",
        "not in the source any more: 'Carry it out'",
        "not translated: 'Pause the job'",
    ]
    with pytest.raises(CommandError, match="A new sentence"):
        call_command("languages", "check")


@pytest.mark.parametrize(("source", "said"), [
    ('{% load i18n %}{% translate "Simple" %}', "Simple"),
    ("{% blocktranslate trimmed %}\n  Over\n  lines\n{% endblocktranslate %}", "Over lines"),
    ("{% blocktranslate with a=b %}It's {{ a }} (so){% endblocktranslate %}", "It's %(a)s (so)"),
    ("{% blocktranslate count n=n %}one{% plural %}{{ n }} ones{% endblocktranslate %}", ("one", "%(n)s ones")),
])  # fmt: skip
def test_a_template_is_read_in_every_form(source, said):
    found = [message for _line, message in catalogue._of_template(source)]
    assert found == [said]
