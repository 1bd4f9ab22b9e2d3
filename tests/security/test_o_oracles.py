"""ATTACKS.md, rows O01, O08, L05, L13, L14 and Z15: what answers tell besides their content, and requests that pretend."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient
from rest_framework.views import APIView

from governance.api.views import ApiView
from governance.console.site import urlpatterns
from governance.identity.tokens import mint
from tests.conftest import make_person, make_tenant, now
from tests.console.browsing import signed_in
from tests.security.matrix import World, expected
from tests.security.test_l_faults import patterns


def client_of(tenant, user):
    client = APIClient()
    token = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1)).plain
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_THREADVAULT_PURPOSE="support")
    return client


ORACLES = [
    "ordering=source", "ordering=title", "order_by=external_index", "sort=-redacted", "source__contains=a", "title=a", "search=kim",
    "subject=user-42", "external_id=chat-1", "count=true", "facets=subject", "fields=source", "view=redacted&view=source",
]  # fmt: skip


@pytest.mark.parametrize("query", ORACLES)
def test_o01_no_list_is_ordered_or_filtered_by_what_is_sealed(query, tenant, people, stored):
    client = client_of(tenant, people["analyst"])
    for path in ("/api/v1/conversations", f"/api/v1/conversations/{stored[0]}/messages"):
        answer = client.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["code"].split(".")[0]) == (400, "query")


def test_o01_control_known_parameters_do_answer(tenant, people, stored):
    client = client_of(tenant, people["analyst"])
    assert len(client.get("/api/v1/conversations?page_size=2").json()["results"]) == 2
    assert client.get("/api/v1/conversations?collection=support-bot").json()["results"] != []


def test_o01_every_view_of_the_api_names_its_parameters():
    ours = [pattern.callback.cls for pattern in patterns() if getattr(pattern.callback, "cls", None)]
    loose = [cls for cls in ours if not issubclass(cls, ApiView) and cls.__module__.startswith("governance.")]
    assert ours
    assert loose == []
    assert not issubclass(APIView, ApiView), "the control: the framework's own takes any"


def test_o01_no_right_and_no_row_have_the_same_size(tenant, people, stored):
    """A stranger's answer about a row that is there, about one that is not, and about its list."""
    other = make_tenant()
    stranger = client_of(other, make_person(other, "analyst"))
    there, nowhere = (stranger.get(f"/api/v1/conversations/{one}") for one in (stored[0], uuid4()))
    assert (there.status_code, len(there.content)) == (nowhere.status_code, len(nowhere.content))
    mine = client_of(tenant, people["analyst"]).get("/api/v1/conversations")
    empty = stranger.get("/api/v1/conversations")
    assert empty.json() == {"results": [], "next": None}
    assert len(mine.content) > len(empty.content), "the control: who may see rows gets more"


REVEALING = ("ETag", "Last-Modified", "Content-Encoding", "X-Cache", "Age")
# What is changed by If-Match carries the number of its revision, of rows that officers and not chats make; never a 304.
REVISED = {
    "api/v1/policies/<uuid:policy_id>", "api/v1/collections/<uuid:collection_id>",
    "api/v1/detection-profiles/<uuid:profile_id>", "api/v1/key-rings/<uuid:ring_id>",
    "api/v1/key-versions/<uuid:version_id>",
}  # fmt: skip


def reached(tenant, stored):
    """Every GET of the matrix that answers 200 to somebody, by token or session."""
    worlds = {person: World(tenant, stored, person) for person in ("security", "privacy", "auditor", "analyst")}
    for line in expected():
        person = next((one for one in worlds if line.answers[one] == "200"), None)
        if line.method == "GET" and person:
            yield line.route, worlds[person], worlds[person].path(line.route)


def get(world, route, path, **headers):
    if route.startswith("api/"):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {world.token}", HTTP_THREADVAULT_PURPOSE="support")
        return client.get(path, headers=headers)
    return signed_in(world.user).get(path, headers=headers)


def test_l13_and_o08_every_answer_is_kept_by_nobody_and_dated_by_nothing(tenant, stored):
    """No validator, no compression, no 304: nothing says whether something was there before."""
    seen = 0
    asking = {"If-None-Match": "*", "If-Modified-Since": "Mon, 01 Jan 2035 00:00:00 GMT", "Accept-Encoding": "gzip, br"}
    for route, world, path in reached(tenant, stored):
        answer = get(world, route, path, **asking)
        assert (route, answer.status_code) == (route, 200)
        assert answer.headers["Cache-Control"] == "no-store, private", route
        assert [name for name in REVEALING if name in answer.headers] == (["ETag"] if route in REVISED else []), route
        seen += 1
    assert seen >= 38


def test_o08_control_a_conditional_middleware_would_answer_304(tenant, people, settings):
    from django.middleware.http import ConditionalGetMiddleware
    from django.test import RequestFactory

    from governance.api.health import livez

    first = ConditionalGetMiddleware(livez)(RequestFactory().get("/livez"))
    again = ConditionalGetMiddleware(livez)(RequestFactory().get("/livez", headers={"If-None-Match": first["ETag"]}))
    assert again.status_code == 304
    assert "django.middleware.http.ConditionalGetMiddleware" not in settings.MIDDLEWARE
    assert "django.middleware.gzip.GZipMiddleware" not in settings.MIDDLEWARE


def test_l13_control_without_the_middleware_the_header_is_missing(tenant, people, stored, settings):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "NoStore" not in one]
    assert "Cache-Control" not in client_of(tenant, people["analyst"]).get("/api/v1/purposes").headers


def test_l05_the_api_has_no_browsable_form_and_options_tell_nothing(tenant, stored):
    for route, world, path in reached(tenant, stored):
        if not route.startswith("api/") or route in {"api/v1/schema", "api/v1/docs"}:
            continue
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {world.token}", HTTP_THREADVAULT_PURPOSE="support")
        page = client.get(path, HTTP_ACCEPT="text/html")
        assert page.status_code == 406
        assert page["Content-Type"] == "application/problem+json"
        told = client.options(path)
        assert "actions" not in json.loads(told.content), route
        assert str(stored[0]) not in told.content.decode()


def test_l05_control_the_browsable_renderer_would_answer_with_a_page(tenant, people, monkeypatch):
    from rest_framework.renderers import BrowsableAPIRenderer

    from governance.api.policies import PurposeListView

    monkeypatch.setattr(PurposeListView, "renderer_classes", [BrowsableAPIRenderer])
    page = client_of(tenant, people["analyst"]).get("/api/v1/purposes", HTTP_ACCEPT="text/html")
    assert (page.status_code, b"<form" in page.content or b"<html" in page.content) == (200, True)


def words_in_addresses(page):
    """The forms of a page that would send what somebody types in an address, and the links that hold words of a chat."""
    forms = re.findall(r"<form\b[^>]*>.*?</form>", page, flags=re.DOTALL)
    typed = r'<textarea|<input(?![^>]+type="(?:hidden|checkbox|radio|submit|number)")[^>]*>'
    found = [form for form in forms if 'method="post"' not in form.lower() and re.search(typed, form)]
    return found + [link for link in re.findall(r'href="([^"]+)"', page) if "kim" in link or "purpose=" in link]


PLAIN = sorted(str(one.pattern) for one in urlpatterns if "<" not in str(one.pattern))


def test_l14_no_term_and_no_purpose_travels_in_an_address(tenant, people, stored):
    """Every form of the console that takes words posts them, and no link of a page holds words of a chat."""
    seen = 0
    for role in people:
        client = signed_in(people[role])
        for name in PLAIN:
            answer = client.get(f"/{name}")
            if answer.status_code == 200:
                seen += "<form" in answer.content.decode()
                assert words_in_addresses(answer.content.decode()) == [], (role, name)
    assert seen > 4 * len(people), "pages with forms were looked at"


@pytest.mark.parametrize("planted", [
    '<form action="/x"><input name="q"></form>', '<form method="get"><input type="search" name="q"></form>',
    '<form method="get"><textarea name="q"></textarea></form>', '<a href="/conversations?purpose=support">',
])  # fmt: skip
def test_l14_control_a_form_that_sends_words_in_an_address_is_seen(planted):
    assert len(words_in_addresses(f"<p>{planted}</p>")) == 1


def test_z15_a_form_of_another_site_is_refused(people, stored):
    for name in ("purpose", "verify", "tenant"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(people["auditor"])
        assert client.post(reverse(f"console:{name}"), {"purpose": "support"}).status_code == 403
    assert signed_in(people["auditor"]).post(reverse("console:verify")).status_code == 200, "the control: without the check"


def test_z15_another_host_is_refused(people, settings):
    assert signed_in(people["auditor"]).get("/", HTTP_HOST="evil.example.com").status_code == 400
    settings.ALLOWED_HOSTS = ["*"]
    assert signed_in(people["auditor"]).get("/", HTTP_HOST="evil.example.com").status_code == 200, "the control"


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_z15_a_method_is_not_overridden(name, tenant, people):
    client = client_of(tenant, people["analyst"])
    token = client.post("/api/v1/tokens", {"name": "x"}, format="json")
    assert token.status_code == 403, "no fresh second factor"
    mine = client.get("/api/v1/tokens").json()["results"]
    answer = client.post(f"/api/v1/tokens/{mine[0]['id']}", {}, format="json", headers={name: "DELETE"})
    assert answer.status_code == 405
    answer = client.get(f"/api/v1/tokens/{mine[0]['id']}?_method=DELETE")
    assert answer.status_code in {400, 405}
    assert client.delete(f"/api/v1/tokens/{mine[0]['id']}").status_code == 204, "the control: the real one"


def test_z15_doubled_parameters_are_refused(tenant, people, stored):
    answer = client_of(tenant, people["analyst"]).get("/api/v1/conversations?page_size=1&page_size=2")
    assert (answer.status_code, answer.json()["code"]) == (400, "query.doubled")
