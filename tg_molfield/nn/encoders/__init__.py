"""Atoms to features of each atom."""
