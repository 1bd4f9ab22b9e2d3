"""Error reports to a Sentry server, where a DSN is set: what leaves is types, codes and places in the code, and no text.

An exception's message quotes rows and input, local variables and request bodies hold chats, breadcrumbs hold statements
and log lines. So a report is built anew from a list of what may stand in it; what a later version of the library adds
stays out. OWASP ASVS 5.0, 16.2.5 and 16.5.1.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.types import Event, Hint

WITHHELD: Final = "(withheld)"
_OF_EVENT: Final = ("event_id", "timestamp", "platform", "level", "release", "environment", "sdk")
_OF_EXCEPTION: Final = ("type", "module")
_OF_FRAME: Final = ("filename", "module", "function", "lineno", "in_app")


def start(dsn: str) -> None:
    """Send errors of this process to the server of `dsn`. Raises sentry_sdk.utils.BadDsn where it is none."""
    sentry_sdk.init(
        dsn=dsn,
        before_send=scrubbed,
        before_send_transaction=_dropped,
        before_breadcrumb=_dropped,
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        send_default_pii=False,
        server_name=WITHHELD,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(),
            CeleryIntegration(),
            DedupeIntegration(),
            DjangoIntegration(middleware_spans=False, signals_spans=False, cache_spans=False),
            ExcepthookIntegration(),
        ],
    )


def _dropped(_event: Any, _hint: Hint) -> None:
    return None


def scrubbed(event: Event, hint: Hint) -> Event:
    """Return the report with nothing but what may leave; `before_send` of the library."""
    report: dict[str, Any] = {name: event[name] for name in _OF_EVENT if name in event}
    codes = dict(_codes(hint["exc_info"][1])) if hint.get("exc_info") else {}
    values = (event.get("exception") or {}).get("values") or ()
    report["exception"] = {"values": [_exception(value, codes) for value in values]}
    if not values:
        report["message"] = WITHHELD
    return report  # type: ignore[return-value]


def _exception(value: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    told = {name: value[name] for name in _OF_EXCEPTION if name in value}
    told["value"] = codes.get(str(value.get("type")), WITHHELD)
    told["stacktrace"] = {"frames": [{name: frame[name] for name in _OF_FRAME if name in frame} for frame in frames]}
    return told


def _codes(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """Yield type and code of our own exceptions along the chain: a class's `code` is a constant of the source."""
    while error is not None:
        code = getattr(type(error), "code", None)
        if type(error).__module__.startswith("governance.") and isinstance(code, str):
            yield type(error).__name__, code
        error = error.__cause__ or error.__context__
