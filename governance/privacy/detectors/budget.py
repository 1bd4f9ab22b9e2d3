"""How much work one message may cost; over it, the message is unscanned, never clean."""

import time


class Unscannable(Exception):  # a state of a message, as the caller records it
    """The content cannot be called clean; `code` says why and is safe to store, log and show."""

    code = "unscannable"

    def __init__(self, code: str | None = None) -> None:
        if code is not None:
            self.code = code
        super().__init__(self.code)


class BudgetExceeded(Unscannable):
    """The scan stopped before its end; what was found so far is not an answer."""

    code = "over_budget"


class Budget:
    """Work and wall-clock time that the leaves of one message share.

    `steps` counts candidates in units of some microseconds and stops the same input at the same place on every
    machine; `seconds` is the backstop and starts with the first step.
    """

    __slots__ = ("_deadline", "_next_look", "_seconds", "_steps")

    def __init__(self, *, seconds: float = 0.8, steps: int = 200_000) -> None:
        self._seconds = seconds
        self._steps = steps
        self._deadline: float | None = None
        self._next_look = steps

    def spend(self, steps: int = 1) -> None:
        """Take `steps` from the budget; raises BudgetExceeded where it or the time is used up."""
        self._steps -= steps
        if self._steps < 0:
            raise BudgetExceeded
        if self._steps < self._next_look:
            self._next_look = self._steps - 64
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._seconds
        elif now > self._deadline:
            raise BudgetExceeded
