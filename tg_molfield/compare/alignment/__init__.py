"""Molecules superposed by their fields: rigid poses of the greatest likeness."""
