"""What pages and answers say, found in the source: Python, templates, and the words of the skin, which brings no Chinese.

Babel reads calls of gettext in Python; Django turns a template into such calls, which Babel reads as well. Values that are
translated as they are shown (states, classes, purposes) are taken from where they are declared.
"""

import ast
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from governance.access.cells import CLASSIFICATIONS
from governance.access.models import AccessPolicy
from governance.access.purposes import SEED
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.approvals.acts import ACTS
from governance.audit.events import EVENTS
from governance.identity.roles import Role
from governance.privacy.detectors.spans import Kind
from governance.vault.models import LawfulBasis, State
from governance.web.statuses import STATUSES

KEYWORDS: Final[Mapping[str, Any]] = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "translated": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
LANGUAGE: Final = "zh_Hans"
BEGUN: Final = datetime(2026, 11, 30, tzinfo=UTC)  # One moment, so that a catalogue without a change has the same bytes.
# Who acts, where the record names no person.
ACTORS: Final = ("directory", "operator", "unknown", "worker")
_OF_THE_FRAMEWORK: Final = (400, 401, 403, 404, 405, 406, 413, 415, 429, 500)
_REFUSING: Final = ("access", "approvals", "custody", "identity", "ingest", "jobs", "keys", "privacy", "vault", "web")
_OF_PYTHON: Final = frozenset({"TypeError", "ValueError", "AssertionError"})
_SENTENCE: Final = re.compile(r"[A-Z].* .*\.", re.DOTALL)
Message = str | tuple[str, ...]


def folder() -> Path:
    """Return the folder of the catalogues."""
    return Path(settings.LOCALE_PATHS[0])


def file() -> Path:
    """Return the one catalogue that there is."""
    return folder() / LANGUAGE / "LC_MESSAGES" / "django.po"


def messages() -> dict[Message, list[tuple[str, int]]]:
    """Return every string that somebody sees, a plural as a pair, with its places in the source."""
    found: dict[Message, list[tuple[str, int]]] = {}
    for place, line, message in _all():
        found.setdefault(message, []).append((place, line))
    return found


def _all() -> Iterator[tuple[str, int, Message]]:
    root = Path(settings.BASE_DIR)
    for tree in ("governance", "settings"):
        for path in sorted((root / tree).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from ((str(path.relative_to(root)), line, said) for line, said in _of_python(path.read_text("utf-8")))
    for path in sorted((root / "templates").rglob("*.html")):
        yield from ((str(path.relative_to(root)), line, said) for line, said in _of_template(path.read_text("utf-8")))
    yield from (("skin", 0, said) for said in sorted(set(of_the_skin()), key=str))
    yield from (("values", 0, said) for said in _values())
    yield from _refusals()


def _of_python(text: str) -> Iterator[tuple[int, Message]]:
    found: Any = extract_python(io.BytesIO(text.encode()), KEYWORDS, (), {})
    for line, _name, said, _comments in found:
        parts = [said] if isinstance(said, str) else [part for part in (said or ())[:2] if isinstance(part, str)]
        if parts and parts[0]:
            yield line, (parts[0], parts[1]) if len(parts) > 1 else parts[0]


def _of_template(text: str) -> Iterator[tuple[int, Message]]:
    """Yield what a template says; what Django leaves of it is no Python as a whole, so each call is read by itself."""
    source = templatize(text)
    for call in re.finditer(r"\b(_|n?gettext)\(", source):
        with_end = source[call.start() : _end_of(source, call.end())]
        parsed = ast.parse(with_end.strip(), mode="eval").body
        said = [part.value for part in getattr(parsed, "args", ()) if isinstance(part, ast.Constant)]
        texts = tuple(part for part in said if isinstance(part, str))
        if texts:
            yield source.count("\n", 0, call.start()) + 1, texts[:2] if len(texts) > 1 else texts[0]


def _end_of(source: str, at: int) -> int:
    """Return where the call ends whose arguments begin at `at`: behind its bracket, past the strings in between."""
    depth, quote = 1, ""
    while depth:
        character = source[at]
        if quote:
            at += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "(") - (character == ")")
        at += 1
    return at


READERS: Final = {".py": _of_python, ".html": _of_template}


def of_the_skin() -> Iterator[Message]:
    """Yield what the skin's templates and widgets say, but for the parts that are apps of their own and not installed."""
    found = find_spec("unfold")
    package = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else Path()
    for path in sorted(package.rglob("*")):
        if path.suffix in READERS and "contrib" not in path.relative_to(package).parts:
            yield from (said for _line, said in READERS[path.suffix](path.read_text("utf-8")))


def _values() -> Iterator[str]:
    yield from State.labels
    yield from AccessPolicy.State.labels
    yield from CLASSIFICATIONS
    yield from LawfulBasis.labels
    yield from (kind.replace("_", " ").lower() for kind in Kind)
    yield "Passkey"  # The one word of allauth's pages that its own Chinese lacks.
    yield from SEED.values()
    yield from (act.meaning for act in ACTS.values())
    yield from EVENTS.values()
    yield from (*CONTENT_ACTIONS, *TENANT_ACTIONS, *SEED, *Role.values, *ACTORS)
    yield from sorted({HTTPStatus(status).phrase for status in (*STATUSES.values(), *_OF_THE_FRAMEWORK)})


def _refusals() -> Iterator[tuple[str, int, str]]:
    """Yield the sentences with which the domain refuses; those with values in them are told by their code."""
    root = Path(settings.BASE_DIR)
    for path in sorted(path for part in _REFUSING for path in (root / "governance" / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and ast.unparse(call.func) not in _OF_PYTHON:
                yield from (
                    (str(path.relative_to(root)), one.lineno, one.value)
                    for one in call.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and _SENTENCE.fullmatch(one.value)
                )


def stored() -> Catalog:
    """Return the catalogue as it is kept."""
    with file().open("rb") as kept:
        return read_po(kept, locale=LANGUAGE)


def keep_up() -> tuple[int, int]:
    """Bring the catalogue to what the source says now; return how many strings are new and how many are gone.

    New ones wait for a translation; nothing is guessed from strings that are alike.
    """
    wanted = messages()
    before = {message.id: message for message in stored() if message.id} if file().exists() else {}
    catalogue = Catalog(
        locale=LANGUAGE, project="Threadvault", version="1", charset="utf-8", fuzzy=False, creation_date=BEGUN,
        revision_date=BEGUN, last_translator="Threadvault", language_team="Threadvault", msgid_bugs_address="SECURITY.md",
        header_comment="# What Threadvault says, in Simplified Chinese: kept up by manage.py languages extract.",
    )  # fmt: skip
    for said in sorted(wanted, key=lambda one: (wanted[one][0], str(one))):
        places = sorted({(place, 0) for place, _line in wanted[said]})
        kept = before.get(said)
        catalogue.add(said, kept.string if kept else ("",) if isinstance(said, tuple) else "", locations=places)
    file().parent.mkdir(parents=True, exist_ok=True)
    with file().open("wb") as out:
        write_po(out, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=False)
    return len(wanted.keys() - before.keys()), len(before.keys() - wanted.keys())


def missing() -> list[str]:
    """Return what the catalogue lacks, in words; nothing where it is whole."""
    kept = {message.id: message for message in stored() if message.id}
    wanted = messages()
    faults = [f"not in the catalogue: {said!r}" for said in wanted if said not in kept]
    faults += [f"not in the source any more: {said!r}" for said in kept if said not in wanted]
    faults += [
        f"not translated: {said!r}" for said, message in kept.items() if not _is_said(message.string) or message.fuzzy
    ]
    return faults


def _is_said(string: Any) -> bool:
    return bool(string) and (isinstance(string, str) or all(string))
