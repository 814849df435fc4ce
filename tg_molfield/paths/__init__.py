"""Paths between frames of one molecule: fields and atoms at times in between."""

from tg_molfield.paths.checks import PathPoint, check_point
from tg_molfield.paths.field_path import FieldPath

__all__ = ["FieldPath", "PathPoint", "check_point"]
