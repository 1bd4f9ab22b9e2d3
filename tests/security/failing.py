"""A worker's module in which one first opening in three fails after the grant was made. Row T01."""

import random

from governance.privacy import classifying

_open_rows = classifying.open_rows


class Failed(Exception):
    """What a fault in the middle of a batch raises."""


def open_rows(rows, view):
    """Open, or fail as a fault would."""
    if rows[0].attempt == 1 and random.random() < 0.33:
        raise Failed
    return _open_rows(rows, view=view)


classifying.open_rows = open_rows
