"""The one migration lane."""
