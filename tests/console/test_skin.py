"""The skin under a strict policy: its parts are replaced, and a changed skin is noticed."""

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.template import engines
from django.template.loader import get_template

from governance.console import loading
from governance.console.finders import TARGET, AlpineFinder


def test_the_served_alpine_evaluates_no_strings():
    found = finders.find(TARGET)
    assert found.endswith("@alpinejs/csp/dist/cdn.min.js")
    (listed,) = AlpineFinder().list([])
    assert listed[0] == TARGET
    with listed[1].open(TARGET) as file:
        assert b"new AsyncFunction" not in file.read()


@pytest.mark.parametrize("name", sorted(loading.REPLACEMENTS))
def test_each_replacement_has_its_place(name):
    assert get_template(name)


def test_a_changed_skin_stops_the_start(monkeypatch):
    import re

    monkeypatch.setitem(loading.REPLACEMENTS, "unfold/helpers/site_icon.html", ((re.compile("not there"), ""),))
    loader = loading.PatchedLoader(engines["django"].engine)
    with pytest.raises(ImproperlyConfigured, match="has changed"):
        loader.get_template("unfold/helpers/site_icon.html")
