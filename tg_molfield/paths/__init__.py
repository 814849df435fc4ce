"""Paths through frames of one molecule: atoms and fields at any time between them."""

from tg_molfield.paths.field_path import FieldPath
from tg_molfield.paths.metrics import PathMetrics, path_metrics

__all__ = ["FieldPath", "PathMetrics", "path_metrics"]
