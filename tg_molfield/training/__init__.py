"""Training: losses, loops and the Lightning module."""

from tg_molfield.training.loop import FitReport, fit
from tg_molfield.training.losses import FieldLoss, Loss, MatchingLoss
from tg_molfield.training.property_loss import PropertyLoss
from tg_molfield.training.sampler import MoleculeSampler
from tg_molfield.training.sketch_loss import SketchLoss

__all__ = ["FieldLoss", "FitReport", "Loss", "MatchingLoss", "MoleculeSampler", "PropertyLoss", "SketchLoss", "fit"]
