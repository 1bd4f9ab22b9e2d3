"""Notices without content to people and systems outside."""
