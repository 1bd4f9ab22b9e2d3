"""What holds for the whole API: pages, entity tags, headers of limits, the language of errors, the OpenAPI file."""

import json
from io import StringIO
from itertools import pairwise
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework.test import APIClient

from governance.identity.scoping import tenant_scope
from governance.vault.models import Collection
from tests.api.clients import client_of
from tests.conftest import item, store

LISTS = {
    "auditor": ("audit", "policies", "collections", "key-rings", "key-versions", "purposes"),
    "security_officer": ("members", "jobs", "tokens?everybody=true", "purposes", "policies"),
    "privacy_officer": ("approvals", "break-glass", "detection-profiles", "findings/precision", "conversations"),
}
FORBID = {"name": "no-bot", "form": {"actions": ["list"], "forbid": True}, "reason": "r"}


def schema():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def operations(document):
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }  # fmt: skip


def everything(client, path, size):
    """All rows of a list, page by page."""
    mark, cursor, rows = "&" if "?" in path else "?", "", []
    while True:
        answer = client.get(f"/api/v1/{path}{mark}page_size={size}{f'&cursor={cursor}' if cursor else ''}")
        assert answer.status_code == 200, (path, answer.content)
        page = answer.json()
        assert set(page) == {"results", "next"}
        rows += page["results"]
        cursor = page["next"]
        if cursor is None:
            return rows
        assert len(page["results"]) == size


@pytest.mark.parametrize("role", LISTS)
def test_every_list_is_read_page_by_page_as_it_is_read_whole(tenant, role):
    store(tenant, *(item(f"c-{number}", "hello") for number in range(3)))
    client = client_of(tenant, role)
    for number in range(3):
        client.post("/api/v1/jobs", {"topic": "rescan"}, format="json")
        client.post("/api/v1/approvals", {"act": "erase", "subject": str(uuid4()), "reason": "r"}, format="json")
        client.post("/api/v1/detection-profiles", {"settings": {"deny": [f"t{number}"]}, "reason": "r"}, format="json")
        client_of(tenant, role)
    for path in LISTS[role]:
        if path == "audit":
            continue  # Each look adds an entry.
        assert everything(client, path, 2) == everything(client, path, 500), path


def test_every_list_of_the_file_is_a_page():
    for (method, path), operation in operations(schema()).items():
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        if method == "get" and operation["operationId"].endswith("_list"):
            assert {"cursor", "page_size"} <= names, path
            shape = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert shape["$ref"].endswith("Page"), path


@pytest.mark.parametrize("path", ["jobs", "members", "tokens", "policies", "audit", "approvals"])
@pytest.mark.parametrize("query", ["cursor=%ff", "cursor=bm90LWFuLWlk", "page_size=0", "page_size=501", "page_size=x"])
def test_a_cursor_or_size_that_is_none_is_a_problem(tenant, path, query):
    role = "auditor" if path in {"policies", "audit"} else "security_officer"
    answer = client_of(tenant, role).get(f"/api/v1/{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor.invalid")


def test_the_audit_trail_goes_back_to_its_first_entry(tenant):
    auditor = client_of(tenant, "auditor")
    newest = auditor.get("/api/v1/audit?page_size=2").json()
    assert newest["results"][0]["event"] == "audit.read"
    rows, cursor = newest["results"], newest["next"]
    while cursor:
        page = auditor.get(f"/api/v1/audit?page_size=500&cursor={cursor}").json()
        rows, cursor = rows + page["results"], page["next"]
    numbers = [row["sequence"] for row in rows]
    assert numbers == list(range(numbers[0], 0, -1))
    assert all(row["previous_hash"] == older["hash"] for row, older in pairwise(rows))
    only = auditor.get("/api/v1/audit?event=member.added&page_size=500").json()["results"]
    assert {entry["event"] for entry in only} == {"member.added"}
    assert auditor.get("/api/v1/audit?event=nothing").json()["code"] == "query.value"


def test_a_collection_is_changed_as_it_was_seen(tenant):
    store(tenant, item())
    officer = client_of(tenant, "security_officer")
    with tenant_scope(tenant.id):
        path = f"/api/v1/collections/{Collection.objects.get().id}"
    seen = officer.get(path)
    tag = seen.headers["ETag"]
    blind = officer.patch(path, {"lawful_basis": "consent"}, format="json")
    assert (blind.status_code, blind.json()["code"]) == (428, "precondition.required")
    changed = officer.patch(path, {"lawful_basis": "consent"}, format="json", HTTP_IF_MATCH=tag)
    assert changed.json()["lawful_basis"] == "consent"
    assert changed.headers["ETag"] == officer.get(path).headers["ETag"] != tag
    late = officer.patch(path, {"lawful_basis": "contract"}, format="json", HTTP_IF_MATCH=tag)
    assert (late.status_code, late.json()["code"]) == (412, "vault.changed")
    assert officer.get(path).json()["lawful_basis"] == "consent"
    assert officer.patch(path, {"lawful_basis": "contract"}, format="json", HTTP_IF_MATCH="*").status_code == 200


def agreed(tenant, client, path, second):
    approval = client.post(f"{path}:ask", {"reason": "r"}, format="json").json()["approval"]
    assert second.post(f"/api/v1/approvals/{approval}:second").status_code == 200
    return approval


def test_a_policy_is_put_in_force_as_it_was_seen_beside_the_one_in_force(tenant):
    officer, second = client_of(tenant, "security_officer"), client_of(tenant, "security_officer")
    paths = []
    for purposes in ([], ["support"]):
        body = {**FORBID, "form": {**FORBID["form"], "purposes": purposes}}
        paths.append(officer.post("/api/v1/policies", body, format="json").headers["Location"])
    older, newer = paths
    tags = [officer.get(path).headers["ETag"] for path in paths]
    approvals = [agreed(tenant, officer, path, second) for path in paths]
    assert officer.post(f"{newer}:apply", {"approval": approvals[1]}, format="json").status_code == 428
    first = officer.post(f"{newer}:apply", {"approval": approvals[1]}, format="json", HTTP_IF_MATCH=tags[1])
    assert (first.status_code, first.json()["state"]) == (200, "active")
    assert first.headers["ETag"] == officer.get(newer).headers["ETag"]
    late = officer.post(f"{older}:apply", {"approval": approvals[0]}, format="json", HTTP_IF_MATCH=tags[0])
    assert (late.status_code, late.json()["code"]) == (412, "access.changed"), "another version took force meanwhile"
    now_seen = officer.get(older).headers["ETag"]
    again = officer.post(f"{older}:apply", {"approval": approvals[0]}, format="json", HTTP_IF_MATCH=now_seen)
    assert (again.status_code, again.json()["code"]) == (409, "approvals.refused"), "two people compared it with another one"
    asked_again = {"approval": agreed(tenant, officer, older, second)}
    assert officer.post(f"{older}:apply", asked_again, format="json", HTTP_IF_MATCH=now_seen).status_code == 200


def test_a_profile_is_put_in_force_as_it_was_seen(tenant):
    officer = client_of(tenant, "privacy_officer")
    drafts = [
        officer.post("/api/v1/detection-profiles", {"settings": {"deny": [word]}, "reason": "r"}, format="json")
        for word in ("Falcon", "Eagle")
    ]
    paths = [draft.headers["Location"] for draft in drafts]
    tags = [officer.get(path).headers["ETag"] for path in paths]
    assert officer.post(f"{paths[0]}:apply", {}, format="json").status_code == 428
    applied = officer.post(f"{paths[0]}:apply", {}, format="json", HTTP_IF_MATCH=tags[0])
    assert applied.status_code == 200
    assert applied.headers["ETag"] == officer.get(paths[0]).headers["ETag"]
    late = officer.post(f"{paths[1]}:apply", {}, format="json", HTTP_IF_MATCH=tags[1])
    assert (late.status_code, late.json()["code"]) == (412, "profiles.changed")


def test_each_answer_says_how_the_limit_stands(tenant, monkeypatch):
    monkeypatch.setenv("THREADVAULT_CALLS_PER_MINUTE", "3")
    analyst = client_of(tenant, "analyst")
    answers = [analyst.get("/api/v1/purposes") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"calls";q=3;w=60'}
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    seconds = int(answers[-1].headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert answers[-1].headers["RateLimit"] == f'"calls";r=0;t={seconds}'
    assert answers[-1].json()["code"] == "limits.exceeded"


def test_errors_speak_the_language_that_is_asked_for_and_codes_stay(tenant):
    analyst = client_of(tenant, "analyst")
    english, chinese = (
        analyst.post("/api/v1/detect", {}, format="json", HTTP_ACCEPT_LANGUAGE=language).json()
        for language in ("en", "zh-hans")
    )
    assert english["code"] == chinese["code"] == "required"
    assert english["detail"] != chinese["detail"]
    assert (english["title"], chinese["title"]) == ("Bad Request", "请求有误")


def test_the_file_is_clean_and_says_what_every_operation_may_answer():
    document = schema()
    assert document["openapi"] == "3.1.1"
    by_token = {name: one for name, one in operations(document).items() if one.get("security")}
    assert len(by_token) > 70
    for (_, path), operation in by_token.items():
        assert {"400", "401", "403", "429", "503"} <= set(operation["responses"]), path
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], path
        headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
        if "If-Match" in headers:
            assert {"412", "428"} <= set(operation["responses"]), path
            assert "ETag" in operation["responses"]["200"]["headers"], path


def test_the_file_knows_every_route_of_the_api():
    routes = {str(pattern.pattern) for pattern in get_resolver("governance.api.urls").url_patterns}
    assert len(schema()["paths"]) == len(routes - {"schema", "docs"})


def test_an_address_without_a_view_is_a_problem_below_the_api_alone(tenant):
    nothing = APIClient().get("/api/v1/nothing")
    assert (nothing.status_code, nothing["Content-Type"]) == (404, "application/problem+json")
    assert nothing.json()["code"] == "vault.not_found"
    assert APIClient().get("/nothing", follow=True)["Content-Type"].startswith("text/html")
