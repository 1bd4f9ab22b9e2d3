"""Every string that somebody sees is in the catalogue, translated, with the places for names and numbers that it has."""

import ast
import io
import re
import shutil

import pytest
from babel.messages.mofile import write_mo
from django.core.management import CommandError, call_command
from django.utils.translation import gettext, ngettext, override

from governance.access.purposes import SEED
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.audit.events import EVENTS
from governance.console import faults
from governance.identity.roles import Role
from governance.management import catalogue
from governance.web.explanations import MEANINGS, told
from governance.web.statuses import status_of
from tests.architecture.reading_source import TREES
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


def test_every_code_of_the_documentation_is_told_in_chinese_but_those_that_no_answer_carries():
    said = "A sentence with 7 values."
    with override("zh-hans"):
        same = {code for code in rows("errors.md") if told(code, said) == said}
        chinese = [told(code, said) for code in MEANINGS]
    assert same == {code for code, cells in rows("errors.md").items() if cells[0] in {"command", "inside"}}
    assert [one for one in chinese if not re.search(r"[\u4e00-\u9fff]", one) or not one.endswith(f"({said})")] == []


CODES = (*CONTENT_ACTIONS, *TENANT_ACTIONS, *SEED, *Role.values, *catalogue.ACTORS)


def test_events_actions_purposes_and_roles_are_said_in_chinese_with_the_code_beside():
    with override("zh-hans"):
        assert [code for code in CODES if not gettext(code).endswith(f" ({code})")] == []
        assert [code for code, meaning in EVENTS.items() if gettext(meaning) == meaning] == []
    with override("en"):
        assert [code for code in CODES if gettext(code) != code] == []


def sentences_of_chains():
    """What the record says of a chain, each value a 7; what is wrong with a signature comes behind what has it."""
    for path, functions, before in (
        ("governance/audit/chain.py", {"step"}, ""),
        ("governance/audit/judgement.py", {"_loss", "_unaccepted"}, ""),
        ("governance/custody/verifying.py", {"_walk", "_look"}, ""),
        ("governance/audit/heads.py", {"fault"}, "the checkpoint at this entry "),
    ):
        for function in ast.walk(TREES[path]):
            if isinstance(function, ast.FunctionDef) and function.name in functions:
                for node in ast.walk(function):
                    if isinstance(node, ast.JoinedStr):
                        yield before + "".join(one.value if isinstance(one, ast.Constant) else "7" for one in node.values)
                    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value:
                        yield before + node.value.value


def test_what_is_wrong_with_a_chain_is_said_in_chinese_with_its_numbers():
    found = list(sentences_of_chains())
    assert len(found) == len(faults._SENTENCES)
    with override("zh-hans"):
        said = {one: faults.said(one) for one in found}
    assert [one for one, given in said.items() if given == one or given.count("7") != one.count("7")] == []
    assert faults.said("something else 7") == "something else 7"


def test_an_error_is_told_in_the_readers_language_and_keeps_what_was_said():
    with override("en"):
        assert told("policy.denied", "No.") == "No."
    with override("zh-hans"):
        assert told("policy.denied", "No.") == "没有策略允许此事，或有策略禁止。 (No.)"
        assert told("unknown.code", "No.") == "No."
        assert told("approvals.refused", "This approval is over already.") == "该审批已经结束。"


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
