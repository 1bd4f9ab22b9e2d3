"""What people look up is written down: a setting, event, purpose or error code without a line in docs/ fails."""

import ast
from pathlib import Path

from governance.access.purposes import SEED
from governance.audit.events import EVENTS
from governance.conf.settings import VaultSettings
from governance.ingest.formats.errors import MENDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def codes_of_tree():
    """Every string that a class of the tree has as its `code`."""
    found = set(MENDS)
    for path in (ROOT / "governance").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for line in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                    found.update([line.value.value] if isinstance(line.value, ast.Constant) else [])
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "AccessDenied",
                "OpeningRefused",
                "BatchRefused",
            }:
                if node.args and isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value)
    return found


def test_every_setting_is_documented():
    text = (DOCS / "settings.md").read_text()
    assert not [name for name in VaultSettings.model_fields if f"THREADVAULT_{name.upper()} " not in text]


def test_every_audit_event_is_documented():
    text = (DOCS / "audit-events.md").read_text()
    assert not [name for name in EVENTS if f"| {name} |" not in text]


def test_every_error_code_is_documented():
    text = (DOCS / "errors.md").read_text()
    assert sorted(code for code in codes_of_tree() if f"| {code} |" not in text) == []


def test_every_seeded_purpose_is_described():
    assert all(SEED.values())


def test_what_a_newcomer_reads_is_there():
    for name in ("README.md", "ARCHITECTURE.md", "THREAT_MODEL.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"):
        assert (ROOT / name).read_text().strip(), name
    for picture in ("transcript", "console", "reveal"):
        assert (DOCS / "images" / f"{picture}.png").stat().st_size < 250_000
