"""Typed THREADVAULT_* settings, read at call time."""
