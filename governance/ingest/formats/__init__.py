"""Pure parsers: a foreign payload becomes IncomingConversations."""
