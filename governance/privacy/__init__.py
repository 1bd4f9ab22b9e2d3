"""Detect, redact, hold, retain, answer requests, erase."""
