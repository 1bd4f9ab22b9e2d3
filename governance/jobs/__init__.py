"""Durable work: claim, lease, fence, progress; the bell."""
