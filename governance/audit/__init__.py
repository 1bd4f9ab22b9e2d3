"""The append-only chained record and its verification."""
