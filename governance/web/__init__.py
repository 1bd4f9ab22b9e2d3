"""What API and console share: request context, tenant, authentication, second factor, error statuses."""
