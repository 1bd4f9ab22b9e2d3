"""The admin console: pages, one domain call each."""
