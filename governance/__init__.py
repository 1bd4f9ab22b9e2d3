"""Threadvault: a governed, encrypted vault for LLM chat logs; the folder names are the path of a message."""
