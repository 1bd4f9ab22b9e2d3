"""API keys and tokens: provider prefixes by Aho-Corasick, assignments, bearer tokens, JWT, passwords in URLs.

The prefixes are those that the providers document for their own keys. Case matters in a prefix; the automaton works on
folded text, because the words of assignments (`api_key`, `密钥`) come in any case.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import ahocorasick

from governance.privacy.detectors import entropy
from governance.privacy.detectors.assignments import KEYWORDS, assigned, held_by_key
from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, continues
from governance.privacy.detectors.rules import pattern
from governance.privacy.detectors.runs import Runs
from governance.privacy.detectors.spans import Kind, Span, Tier

_HEX = pattern(rb"[0-9a-f]{0,1000}")
_ALNUM = pattern(rb"[A-Za-z0-9]{0,1000}")
_URLSAFE = pattern(rb"[A-Za-z0-9_-]{0,1000}")
_DOTTED = pattern(rb"[A-Za-z0-9_.-]{0,1000}")
_BASE64 = pattern(rb"[A-Za-z0-9_.+/=~-]{0,1000}")
_JWT = pattern(rb"eyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8}")
_URL = pattern(rb"://[^\s/@:\"'<>\x1a\x80-\x9f]{0,64}:([^\s/@\"'<>\x1a\x80-\x9f]{2,200})@")
_FEWEST_BITS = 2.5


@dataclass(frozen=True, slots=True)
class Prefix:
    """A documented key prefix, the alphabet of what follows and the fewest characters that follow."""

    text: str
    alphabet: object
    fewest: int
    rule: str


def _group(rule: str, alphabet: object, fewest: int, prefixes: str) -> list[Prefix]:
    return [Prefix(text, alphabet, fewest, rule) for text in prefixes.split()]


PREFIXES: Final = (
    *_group("openai-key", _URLSAFE, 20, "sk- sess-"),
    *_group("stripe-key", _ALNUM, 16, "sk_live_ sk_test_ rk_live_ rk_test_ whsec_"),
    *_group("github-token", _ALNUM, 30, "ghp_ gho_ ghu_ ghs_ ghr_"),
    *_group("github-token", _URLSAFE, 40, "github_pat_"),
    *_group("gitlab-token", _DOTTED, 18, "glpat- gldt- glrt- glcbt- glptt- glft- glsoat-"),
    *_group("aws-key", _ALNUM, 16, "AKIA ASIA ABIA ACCA"),
    *_group("google-key", _URLSAFE, 30, "AIza"),
    *_group("google-key", _URLSAFE, 24, "GOCSPX-"),
    *_group("google-token", _URLSAFE, 30, "ya29. 1//0"),
    *_group("slack-token", _URLSAFE, 20, "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxc- xoxd- xapp-"),
    *_group("ai-provider-key", _URLSAFE, 20, "gsk_ r8_ pplx- xai- nvapi- tvly- csk- fw_ voy- jina_ lsv2_ sk-lf- pcsk_"),
    *_group("ai-provider-key", _ALNUM, 30, "hf_"),
    *_group("ai-provider-key", _HEX, 48, "sk_"),
    *_group("registry-token", _URLSAFE, 30, "npm_ pypi- dckr_pat_ rubygems_"),
    *_group("sendgrid-key", _DOTTED, 40, "SG."),
    *_group("cloud-token", _ALNUM, 30, "dop_v1_ doo_v1_ dor_v1_ nfp_ fo1_ shpat_ shpca_ shppa_ shpss_ sbp_"),
    *_group("cloud-token", _URLSAFE, 24, "hvs. hvb. pscale_tkn_ pscale_pw_ pscale_oauth_ tskey-"),
    *_group("cloud-token", _HEX, 40, "pul-"),
    *_group("chinese-cloud-key", _ALNUM, 12, "LTAI"),
    *_group("chinese-cloud-key", _ALNUM, 28, "AKID AKLT"),
    *_group("chinese-cloud-key", _BASE64, 40, "bce-v3/ALTAK-"),
    *_group("service-token", _URLSAFE, 20, "lin_api_ secret_ ntn_ figd_ sq0atp- sq0csp- EAAA dapi PMAK- phx_ phc_ dp.pt."),
    *_group("service-token", _URLSAFE, 24, "glsa_ glc_ NRAK- NRII- xkeysib- sgp_ CCIPAT_ bkua_"),
    *_group("service-token", _URLSAFE, 60, "sl. sl.u."),
    *_group("service-token", _ALNUM, 14, "rzp_live_ rzp_test_"),
    *_group("service-token", _ALNUM, 60, "EAA AKCp"),
    *_group("service-token", _HEX, 32, "SK key-"),
    *_group("service-token", _BASE64, 30, "ATATT3 ATCTT3 sntrys_ sntryu_"),
    *_group("service-token", _DOTTED, 60, "dt0c01."),
    Prefix("SSWS ", _URLSAFE, 30, "service-token"),
    # Whoever knows such an address writes to the channel behind it.
    *_group("web-hook", _BASE64, 30, "hooks.slack.com/services/ discord.com/api/webhooks/ discordapp.com/api/webhooks/"),
    *_group("web-hook", _URLSAFE, 30, "open.feishu.cn/open-apis/bot/v2/hook/ qyapi.weixin.qq.com/cgi-bin/webhook/send?key="),
    *_group("web-hook", _URLSAFE, 30, "oapi.dingtalk.com/robot/send?access_token="),
)


def _automaton() -> "ahocorasick.Automaton":
    automaton = ahocorasick.Automaton()
    entries: dict[str, list[object]] = {}
    for prefix in PREFIXES:
        entries.setdefault(prefix.text.lower(), []).append(prefix)
    for keyword in KEYWORDS:
        entries.setdefault(keyword, []).append("assignment")
    entries.setdefault("eyj", []).append("jwt")
    entries.setdefault("://", []).append("url")
    for word, meanings in entries.items():
        automaton.add_word(word, (len(word), tuple(meanings)))
    automaton.make_automaton()
    return automaton


_AUTOMATON = _automaton()


def _prefixed(doc: Document, runs: Runs, prefix: Prefix, start: int) -> Span | None:
    if not doc.text.startswith(prefix.text, start) or continues(doc, start):
        return None
    body = start + len(prefix.text)
    end = runs.end(prefix.alphabet, body)
    value = doc.text[body : min(end, body + entropy.SAMPLE)]
    if end - body < prefix.fewest or entropy.bits(value) < _FEWEST_BITS or entropy.placeholder(value[:12]):
        return None
    if not any(char in "0123456789" for char in value) and prefix.alphabet is not _ALNUM:
        return None
    return Span(start, end, Kind.API_KEY, Tier.VALIDATED, prefix.rule)


def _jwt(doc: Document, runs: Runs, start: int) -> Span | None:
    match = _JWT.match(doc.image, start)
    if match is None:
        return None
    return Span(start, runs.end(_DOTTED, match.start()), Kind.API_KEY, Tier.VALIDATED, "jwt")


def _password_in_url(doc: Document, start: int) -> Span | None:
    match = _URL.match(doc.image, start)
    if match is None or doc.char(match.start(1)) in "$<{":
        return None
    value = doc.text[slice(*match.span(1))]
    if entropy.placeholder(value) or entropy.names_itself(value):
        return None
    return Span(match.start(1), match.end(1), Kind.PASSWORD, Tier.VALIDATED, "url-password")


def _meant(doc: Document, runs: Runs, meaning: object, start: int, end: int) -> Span | None:
    if meaning == "assignment":
        return assigned(doc, runs, start, end)
    if meaning == "url":
        return _password_in_url(doc, start)
    if meaning == "jwt":
        return None if continues(doc, start) else _jwt(doc, runs, start)
    return _prefixed(doc, runs, meaning, start)  # type: ignore[arg-type]


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield secrets whose prefix or keyword begins in the window, and the whole leaf where its key says so."""
    whole = held_by_key(doc) if low == 0 and doc.context else None
    if whole:
        yield whole
    done, runs = low, Runs(doc.image)
    for last, (length, meanings) in _AUTOMATON.iter(doc.folded, low, high):
        start = last + 1 - length
        if start < done:
            continue
        for meaning in meanings:
            budget.spend()
            span = _meant(doc, runs, meaning, start, last + 1)
            if span:
                yield span
                done = span.end if span.rule != "assignment" else done
