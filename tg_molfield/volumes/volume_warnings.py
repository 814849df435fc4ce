"""Warnings about volumes that were read or written."""

from __future__ import annotations


class VolumeWarning(UserWarning):
    """What was read may not be what the file means, or a file does not hold exactly what was given."""
