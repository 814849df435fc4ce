"""Training: losses, loops and the Lightning module."""

from tg_molfield.training.augmentation import AugmentedMolecules
from tg_molfield.training.initial_guess_loss import InitialGuessLoss
from tg_molfield.training.loop import FitReport, fit
from tg_molfield.training.losses import FieldLoss, Loss, MatchingLoss
from tg_molfield.training.property_loss import PropertyLoss

__all__ = [
    "AugmentedMolecules",
    "FieldLoss",
    "FitReport",
    "InitialGuessLoss",
    "Loss",
    "MatchingLoss",
    "PropertyLoss",
    "fit",
]
