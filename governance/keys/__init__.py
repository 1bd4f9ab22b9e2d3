"""Key rings, versions, providers, data keys."""
