"""What people look up is written down, and no more than there is: settings, audit events, purposes, error codes.

A table row begins with the name; what the documents say of status, default or "not yet" is held against the source.
"""

import re

import pytest

from governance.conf.settings import PREFIX, VaultSettings
from governance.ingest.formats.errors import MENDS
from governance.web.statuses import STATUSES, status_of
from tests.architecture.reading_source import ROOT, assigned, error_codes, texts_outside, variables

DOCS = ROOT / "docs"
EVENTS_FILE = "governance/audit/events.py"
HEADINGS = {"code", "event", "variable", "purpose", "role"}
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "adr").glob("*.md")])


def rows(name):
    """The rows of all tables of a document: cells by their first one."""
    found = {}
    for line in (DOCS / name).read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
        if cells and " " not in cells[0] and cells[0] not in HEADINGS:
            assert cells[0] not in found, f"{name} says {cells[0]} twice"
            found[cells[0]] = cells[1:]
    return found


def test_every_setting_is_documented_and_nothing_else():
    read = {f"{PREFIX}{name.upper()}" for name in VaultSettings.model_fields} | variables()
    assert set(rows("settings.md")) == read


def test_defaults_are_those_of_the_source():
    documented = rows("settings.md")
    for name, field in VaultSettings.model_fields.items():
        if isinstance(field.default, bool | int):
            assert documented[f"{PREFIX}{name.upper()}"][0] == f"`{field.default}`", name


def test_every_audit_event_is_documented_and_nothing_else():
    assert set(rows("audit-events.md")) == set(assigned(EVENTS_FILE, "EVENTS"))


def test_an_event_is_not_yet_where_nothing_writes_it():
    written = texts_outside(EVENTS_FILE)
    for event, (committed, _) in rows("audit-events.md").items():
        assert committed in {"before", "with", "not yet"}, event
        assert (committed == "not yet") == (event not in written), event


def test_every_seeded_purpose_is_documented():
    seed = assigned("governance/access/purposes.py", "SEED")
    allowed = assigned("governance/access/purposes.py", "DEFAULT_FOR_COLLECTION")
    documented = rows("purposes.md")
    for purpose, meaning in seed.items():
        assert documented[purpose] == [meaning, "yes" if purpose in allowed else "no"]


def test_every_error_code_is_documented_and_nothing_else():
    codes = error_codes() | set(MENDS) | {code for code in STATUSES if not code.endswith(".")}
    assert set(rows("errors.md")) == codes


def test_the_source_of_codes_is_read_in_every_form():
    assert {
        "purpose.missing",
        "audit.error",
        "grant.thread",
        "cursor.invalid",
        "subject.erased",
        "too_deep",
    } <= error_codes()


@pytest.mark.parametrize(("code", "cells"), rows("errors.md").items())
def test_an_error_says_status_and_meaning(code, cells):
    status, meaning, _ = cells
    assert meaning.endswith(".")
    assert re.fullmatch(r"\d{3}|item \d{3}|command|inside", status)
    if status.isdigit():
        assert status_of(code) == int(status)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page):
    text = page.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = re.findall(r"`((?:governance|settings|tests|docs)/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_decision_has_its_price():
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert [page.name[:4] for page in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text("utf-8")
        assert text.startswith(f"# {page.name[:4]}: ")
        assert text.count("\n- Bad: ") >= 2


def test_what_a_newcomer_reads_is_there():
    for name in ("README.md", "ARCHITECTURE.md", "THREAT_MODEL.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"):
        assert (ROOT / name).read_text("utf-8").strip(), name
    for picture in ("transcript", "console", "reveal"):
        assert (DOCS / "images" / f"{picture}.png").stat().st_size < 250_000
