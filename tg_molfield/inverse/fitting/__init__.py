"""Radial basis functions fitted to samples: linear least squares for weights, variable projection for the rest."""

from tg_molfield.inverse.fitting.fit import RBFFitReport, fit_rbf

__all__ = ["RBFFitReport", "fit_rbf"]
