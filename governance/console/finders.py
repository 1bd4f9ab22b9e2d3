"""Serves Alpine's build for a strict Content Security Policy in the place of the skin's own."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

TARGET = "unfold/js/alpine/alpine.js"


class AlpineFinder(BaseFinder):
    """Finds one file: the package's `dist/cdn.min.js` under the name that the skin loads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._folder = Path(settings.BASE_DIR) / "static" / "node_modules" / "@alpinejs" / "csp" / "dist"

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file for the skin's path."""
        source = self._folder / "cdn.min.js"
        if path != TARGET or not source.exists():
            return []
        return [str(source)] if find_all else str(source)

    def list(self, ignore_patterns: Any) -> Any:
        """Yield the file for collectstatic."""
        if (self._folder / "cdn.min.js").exists():
            storage = _Renamed(location=str(self._folder))
            storage.prefix = ""
            yield TARGET, storage


class _Renamed(FileSystemStorage):
    """A storage that gives the one file under its target name."""

    prefix = ""

    def path(self, name: str) -> str:
        return super().path("cdn.min.js")
