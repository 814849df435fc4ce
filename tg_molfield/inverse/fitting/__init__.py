"""Fields fitted to samples: weights by linear least squares, widths and centres by variable projection."""

from tg_molfield.inverse.fitting.fit import FitReport, fit_rbf

__all__ = ["FitReport", "fit_rbf"]
