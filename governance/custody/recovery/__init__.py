"""Backups sealed to a recovery key, and the way back from one: on an empty host, at night, with nothing half-done."""
