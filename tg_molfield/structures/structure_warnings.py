"""Warnings about molecules that were read or converted."""

from __future__ import annotations


class StructureWarning(UserWarning):
    """What was read may not be what its source means, or a part of the source was left out."""


class SkippedRecordsWarning(StructureWarning):
    """Records of a file could not be read and were left out."""


class DroppedKeysWarning(StructureWarning):
    """A value that only some records of a file have was left out of all of them, so that they collate."""
