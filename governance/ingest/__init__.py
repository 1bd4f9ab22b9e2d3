"""Accepts foreign formats and turns them into stored, sealed messages."""
