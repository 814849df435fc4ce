"""Units of length."""

BOHR = 0.529177210544
"""One bohr in Å (CODATA 2022)."""
