"""Purposes, policies and grants: who may open what, why and for how long."""
