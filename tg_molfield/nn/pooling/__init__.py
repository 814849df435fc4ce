"""Atoms to codes."""
