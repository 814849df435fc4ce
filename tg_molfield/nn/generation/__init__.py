"""Molecules from codes: what is decoded, drawn at random, and met on the way between two."""
