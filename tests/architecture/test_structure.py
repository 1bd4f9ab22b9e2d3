"""The shape of the code: foreign keys look down, files stay small, banned things stay out."""

import ast
import tomllib
from pathlib import Path

from django.apps import apps
from django.db.models import ForeignKey, OneToOneField

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in (ROOT / "governance").rglob("*.py") if "migrations" not in path.parts]
LONGEST_FILE, LONGEST_FUNCTION = 500, 60


def levels():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = contracts[0]["layers"]
    return {part.strip(): number for number, line in enumerate(layers) for part in line.split("|")}


def part_of(model):
    return model.__module__.split(".")[1]


def test_foreign_keys_point_to_their_own_part_or_below():
    order = levels()
    wrong = []
    for model in apps.get_app_config("governance").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey | OneToOneField) and field.related_model.__module__.startswith("governance"):
                if order[part_of(field.related_model)] < order[part_of(model)]:
                    wrong.append(f"{model.__name__}.{field.name}")
    assert wrong == []


def test_no_foreign_key_is_a_string():
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"ForeignKey", "OneToOneField"}:
                target = node.args[0] if node.args else None
                if isinstance(target, ast.Constant) and target.value != "self":
                    found.append(path.name)
    assert found == []


def test_files_and_functions_stay_small():
    long_files = [path.name for path in SOURCES if len(path.read_text().splitlines()) > LONGEST_FILE]
    long_functions = [
        f"{path.name}:{node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long_files == []
    assert long_functions == []


def test_banned_names_are_absent():
    banned_modules = {"utils", "helpers", "common"}
    assert not [path for path in SOURCES if path.stem in banned_modules]
    for path in SOURCES:
        text = path.read_text()
        assert "threading.local(" not in text, path
        assert "django.dispatch" not in text, path
        assert "import *" not in text, path
