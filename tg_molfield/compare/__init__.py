"""Fields compared: how alike they are, how they superpose, which of many are alike, and how two interact."""

from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.overlap import overlap
from tg_molfield.compare.similarity import QuadratureWarning, Similarity, similarity

__all__ = ["Metric", "QuadratureWarning", "Similarity", "overlap", "similarity"]
