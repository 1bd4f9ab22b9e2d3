"""Where a run of one alphabet ends, each stretch of text read once however many candidates begin in it."""

from typing import Any


class Runs:
    """Ends of runs in one image.

    A token is never masked in part, so a run has no longest length; remembering the last run of each alphabet keeps a
    text of 10,000 prefixes in one run linear.
    """

    __slots__ = ("_image", "_last")

    def __init__(self, image: bytes) -> None:
        self._image = image
        self._last: dict[int, tuple[int, int]] = {}

    def end(self, alphabet: Any, position: int) -> int:
        """Return the end of the run of `alphabet` (a bounded re2 class) that covers `position`."""
        start, end = self._last.get(id(alphabet), (0, 0))
        if not start <= position < end:
            start = end = position
            while (further := alphabet.match(self._image, end).end()) > end:
                end = further
            self._last[id(alphabet)] = (start, end)
        return end
