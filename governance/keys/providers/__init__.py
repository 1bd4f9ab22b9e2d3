"""Where root keys live: one small interface, one module a provider."""
