import json

import pytest

from governance.privacy.leaves import LeafKind, rewrite, string_leaves


def listed(item):
    return [(leaf.path, leaf.text) for leaf in string_leaves(item) if leaf.kind is not LeafKind.KEY]


def test_paths_are_json_pointers_in_reading_order():
    item = {"a": ["x", {"b/c": "y", "~": "z"}], "d": 5, "e": None, "f": True}

    assert listed(item) == [("/a/0", "x"), ("/a/1/b~1c", "y"), ("/a/1/~0", "z"), ("/d", "5")]
    assert listed("x") == [("", "x")]


def test_json_inside_a_string_is_walked_leaf_by_leaf():
    item = {"arguments": json.dumps({"to": [{"phone": "1"}]})}

    assert listed(item) == [("/arguments#/to/0/phone", "1")]


def test_json_inside_json_is_walked_too():
    inner = json.dumps({"y": "deep"})

    assert listed({"a": json.dumps({"x": inner})}) == [("/a#/x#/y", "deep")]


def test_a_member_name_with_a_number_sign_is_no_inner_document():
    assert listed({"a#": {"b": "x"}}) == [("/a~2/b", "x")]


@pytest.mark.parametrize(
    "text",
    ["{not json}", "[1, 2", '{"a": 1, "a": 2}', "[NaN]", '"only a string"', "12", "{}x", "[" * 100_000 + "]" * 100_000],
)
def test_what_is_not_plainly_a_document_is_one_text(text):
    assert listed({"a": text}) == [("/a", text)]


def test_the_name_of_the_member_is_the_context_also_in_a_list():
    leaves = {
        leaf.path: leaf.context for leaf in string_leaves({"phones": ["x", ["y"]], "a": {"name": "fax", "value": "z"}})
    }

    assert leaves["/phones/0"] == leaves["/phones/1/0"] == "phones"
    assert "fax" in leaves["/a/value"]


def test_names_of_members_are_leaves_but_not_those_of_the_format():
    keys = [(leaf.path, leaf.text) for leaf in string_leaves({"role": "x", "al@x.io": 3}) if leaf.kind is LeafKind.KEY]

    assert keys == [("/al@x.io~key", "al@x.io")]


@pytest.mark.parametrize(
    ("number", "text"),
    [(13800138000, "13800138000"), (13800138000.0, "13800138000"), (-5, "5"), (1.5, "1.5"), (10**18, str(10**18))],
)
def test_a_number_is_a_leaf_in_its_decimal_form(number, text):
    assert listed([number]) == [("/0", text)]


@pytest.mark.parametrize("number", [True, None, float("nan"), float("inf"), pytest.param(10**5000, id="5000 digits"), 1e300])
def test_what_cannot_be_a_finding_is_no_leaf(number):
    assert listed([number]) == []


def test_depth_costs_no_recursion():
    item = "x"
    for _ in range(100_000):
        item = [item]

    assert [leaf.text for leaf in string_leaves(item)] == ["x"]


def test_rewriting_nothing_gives_an_equal_copy():
    item = {"a": ["x", {"b": None, "c": 1.0, "d": True}], "e": ' {"f" :  1.0}'}
    copy = rewrite(item, lambda _leaf: None)

    assert copy == item
    assert copy is not item
    assert list(copy) == list(item)


def test_a_document_in_a_string_is_written_anew_only_where_it_changed():
    item = {"a": '{"x" : "1",  "n": 1.50}', "b": '{"x":"2"}'}

    def change(leaf):
        return "m" if leaf.text == "2" else None

    assert rewrite(item, change) == {"a": '{"x" : "1",  "n": 1.50}', "b": '{"x":"m"}'}


def test_two_names_that_become_one_stay_two_members():
    item = {"p1": 1, "p2": 2, "m": 3}

    def change(leaf):
        return "m" if leaf.kind is LeafKind.KEY and leaf.text.startswith("p") else None

    assert rewrite(item, change) == {"m (2)": 1, "m (3)": 2, "m": 3}


def test_a_leaf_shows_no_text():
    assert "secret" not in repr(next(string_leaves({"a": "secret"})))
