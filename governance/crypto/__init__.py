"""Bytes in, bytes out: envelope, AAD, wrap, signatures. Knows no Django, clock or person."""
