"""The head of a column is context for its cells, as the name of a member is for its value."""

import pytest

from governance.privacy.detectors import Kind, scan


def found(text: str) -> list[tuple[str, Kind]]:
    return [(text[span.start : span.end], span.type) for span in scan(text)]


@pytest.mark.parametrize(
    ("head", "cell", "kind"),
    [
        ("qq", "960323929", Kind.QQ),
        ("QQ号", "９６０３２３９２９", Kind.QQ),
        ("微信号", "sunflower", Kind.WECHAT),
        ("wechat_id", "`leo-ldt9377`", Kind.WECHAT),
        ("**SSN**", "445 13 3654", Kind.SSN),
        ("passport_no", "C4Y61XP7W", Kind.PASSPORT),
        ("phone_number", "6469644717", Kind.PHONE),
        ("姓名", "王伟", Kind.PERSON),
        ("地址", "李庄村12组", Kind.ADDRESS),
    ],
)
def test_a_cell_is_what_its_column_is_called(head, cell, kind):
    tables = [
        f"| no | {head} |\n|---|---|\n| 1 | a |\n| 2 | {cell} |\n",
        f"no | {head}\n:-- | --:\n1 | {cell}",
        f"no,{head}\n1,\n2,{cell}\n\nThat is all.",
        f"no\t{head}\n1\t{cell}",
        f"{{'table': '| no | {head} |\\n|---|---|\\n| 1 | {cell} |\\n'}}",
    ]

    assert all((cell.strip("`"), kind) in found(table) for table in tables)


@pytest.mark.parametrize(
    "text",
    [
        "| address | note |\n|---|---|\n| 0x7ffe1234 | stack |",
        "no,qq\n\n1,960323929",
        "no,qq\n1,2,960323929",
        "login,logout\nstart,stop",
        "qq | 960323929",
        "The address,street and number\nare required, please",
    ],
)
def test_what_is_no_table_gives_no_context(text):
    assert found(text) == []
