"""Tenants, people, service accounts, memberships, tokens and the tenant scope."""
