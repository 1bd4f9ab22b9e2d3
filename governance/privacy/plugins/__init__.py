"""Detectors that users bring: a module with `detect(texts, lang)`, run in a process of its own, away from keys and locks."""
