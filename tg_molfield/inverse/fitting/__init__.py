"""Fields fitted to samples: weights by linear least squares, widths and centres by variable projection."""

from tg_molfield.inverse.fitting.fit import RBFFitReport, fit_rbf

__all__ = ["RBFFitReport", "fit_rbf"]
