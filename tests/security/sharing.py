"""A worker's module in which all threads share one grant: the mutant of row T01. Loaded by `-I tests.security.sharing`."""

from governance.access import granting


class Shared:
    """What a context variable offers, for the whole process."""

    def __init__(self):
        self.value = None

    def get(self):
        return self.value

    def set(self, value):
        before, self.value = self.value, value
        return before

    def reset(self, before):
        self.value = before


granting._current = Shared()
