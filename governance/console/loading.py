"""Unfold's templates under a policy without `unsafe-eval`: a few expressions are replaced as they are loaded.

Nothing of the skin is copied into this tree. A replacement whose text is gone stops the start, so that an update of
the skin is noticed.
"""

import re
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.template.loaders.app_directories import Loader

_BODY_STATE: Final = re.compile(r'x-data="\{\s*\{% if opts %\}activeTab.*?"\s*>', re.DOTALL)
_SHELL: Final = "x-data=\"vaultShell('{% if opts %}{% tabs_primary_active inline_admin_formsets %}{% endif %}')\">"
_HTMX: Final = '<meta name="htmx-config" content=\'{"includeIndicatorStyles":false,"allowEval":false}\'>'
_TOGGLE: Final = re.compile(r'x-on:click="sidebarDesktopOpen = [^"]*"')
_MOBILE: Final = re.compile(r'x-on:click="sidebarMobileOpen = [^"]*"')

Replacement = tuple["re.Pattern[str]", str]
REPLACEMENTS: Final[dict[str, tuple[Replacement, ...]]] = {
    "unfold/layouts/skeleton.html": (
        (_BODY_STATE, _SHELL),
        (re.compile(r'<style id="unfold-theme-colors">'), '<style id="unfold-theme-colors" nonce="{{ CSP_NONCE }}">'),
        (re.compile(r"<head>"), f"<head>{_HTMX}"),
    ),
    "unfold/helpers/messages/success.html": ((re.compile(r'<div class="'), '<div role="status" class="'),),
    "unfold/helpers/header_title.html": ((re.compile(r"\|capfirst"), ""),),
    "unfold/helpers/welcomemsg.html": ((_TOGGLE, 'x-on:click="toggleSidebar()"'), (_MOBILE, 'x-on:click="toggleMobile()"')),
}


class PatchedLoader(Loader):
    """The loader of app templates, with the replacements."""

    def get_contents(self, origin: Any) -> str:
        """Return a template's source as it is used here. Raises ImproperlyConfigured where a replacement has no place."""
        contents: str = super().get_contents(origin)
        for pattern, text in REPLACEMENTS.get(origin.template_name, ()):
            contents, count = pattern.subn(lambda _, text=text: text, contents)  # type: ignore[misc]
            if not count:
                raise ImproperlyConfigured(f"{origin.template_name} has changed: {pattern.pattern!r} is not in it any more.")
        return contents
