"""Paths between frames of one molecule: fields and atoms at times in between."""

from tg_molfield.paths.field_path import FieldPath
from tg_molfield.paths.metrics import PathMetrics, path_metrics

__all__ = ["FieldPath", "PathMetrics", "path_metrics"]
