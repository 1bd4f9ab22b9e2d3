"""ATTACKS.md, row I08: no export is a CSV or a spreadsheet, so no cell of one begins with a formula."""

import ast
import json

from governance.pipeline.running import run_classification
from governance.privacy.export_forms import FORMS
from tests.api.clients import client_of, sent
from tests.architecture.reading_source import TREES
from tests.conftest import item, store

SHEETS = {"csv", "openpyxl", "xlsxwriter", "xlwt", "odf", "pandas"}


def sheet_writers(trees):
    """The modules that import what writes tables for spreadsheets."""
    found = set()
    for name, tree in trees.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name for one in names if one.split(".")[0] in SHEETS}
    return found


def test_i08_nothing_writes_a_table_for_a_spreadsheet():
    assert sheet_writers(TREES) == set()
    assert set(FORMS) == {"ndjson", "openai-jsonl"}


def test_i08_control_a_module_that_writes_csv_is_found():
    assert sheet_writers({"leaky.py": ast.parse("from csv import writer")}) == {"leaky.py"}


def test_i08_a_formula_in_a_chat_is_a_json_string_in_a_line(tenant):
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    store(tenant, item("c-1", *formulas))
    run_classification(tenant.id)
    lines, _ = sent(client_of(tenant, "analyst").get("/api/v1/conversations:export"))
    assert len(lines) == 1, "no line break of a chat ends a line"
    assert [message["item"]["content"] for message in json.loads(lines[0])["messages"]] == formulas
