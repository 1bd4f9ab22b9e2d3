"""`POST /api/v1/detect` and `manage.py detect`: find, and keep nothing."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.api.test_governing import client_of  # noqa: F401  # a fixture
from tests.security.matrix import fingerprint

CHAT = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"email": "kim@example.com"}'}}]}


def command(*arguments, **options):
    out = io.StringIO()
    call_command("detect", *arguments, stdout=out, **options)
    return out.getvalue()


def test_it_finds_in_a_text_and_in_a_message_and_stores_nothing(client_of):  # noqa: F811
    client = client_of("analyst")
    before = fingerprint()
    found = client.post("/api/v1/detect", {"content": "mail kim@example.com"}, format="json").json()
    assert [(one["type"], one["start"], one["end"]) for one in found["findings"]] == [("EMAIL", 5, 20)]
    assert found["redacted"] == "mail [EMAIL]"
    found = client.post("/api/v1/detect", {"content": CHAT}, format="json").json()
    assert found["redacted"]["tool_calls"][0]["function"]["arguments"] == '{"email": "[EMAIL]"}'
    assert "kim@" not in json.dumps(found)
    assert fingerprint() == before


@pytest.mark.parametrize("content", ["x" * (1024 * 1024 + 1), {"picture": "A" * 4096}])
def test_what_cannot_be_scanned_whole_is_refused_and_never_called_clean(client_of, content):  # noqa: F811
    answer = client_of("analyst").post("/api/v1/detect", {"content": content}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "detect.input")


def test_the_command_reads_a_file_of_lines(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"id": "a", "text": "打我电话13800138000吧 4155552671"}\n\n{"id": "b", "text": "nothing"}\n', "utf-8")
    rows = [json.loads(line) for line in command(str(path), spans=True).splitlines()]
    assert rows == [{"id": "a", "pred": [[4, 15, "PHONE", 1.0], [17, 27, "PHONE", 0.75]]}, {"id": "b", "pred": []}]


def test_a_weak_finding_has_a_score_below_a_half(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"id": "a", "text": "4155552671 is it"}\n', "utf-8")
    assert json.loads(command(str(path), spans=True))["pred"] == [[0, 10, "PHONE", 0.25]]


def test_the_command_shows_a_text_redacted_with_places_and_counts(tmp_path, capsys):
    path = tmp_path / "note.txt"
    path.write_text("mail kim@example.com\n", "utf-8")
    shown = command(str(path))
    assert shown.splitlines()[0] == "mail [EMAIL]"
    assert "EMAIL 1" in shown
    assert json.loads(command(str(path), as_json=True))["redacted"] == "mail [EMAIL]\n"


@pytest.mark.parametrize(
    ("content", "spans", "said"),
    [
        (b"\xff\xfe", False, "not UTF-8"), (b"{", True, "Line 1 is no JSON"), (b"{}\n", True, "Line 1 is no object"),
        (b'{"id": 1, "text": "a"}\n{"id": 2, "text": 3}', True, "Line 2 is no object"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_with_the_place(tmp_path, content, spans, said):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        command(str(path), spans=spans)


def test_a_missing_file_is_named():
    with pytest.raises(CommandError, match="/nowhere: No such file"):
        command("/nowhere")
