"""Embedded servers and the supervisor; standard library only."""
