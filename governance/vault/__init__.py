"""The one door to content: conversations, messages, sealed columns."""
