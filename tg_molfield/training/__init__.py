"""Training: losses, augmentation and a training loop; ``training.lightning`` has the Lightning module."""

from tg_molfield.training.augmentation import AugmentedMolecules
from tg_molfield.training.flow_loss import FlowLoss
from tg_molfield.training.initial_guess_loss import InitialGuessLoss
from tg_molfield.training.loop import fit
from tg_molfield.training.losses import FieldLoss, Loss, MatchingLoss, MissingDefinitionWarning
from tg_molfield.training.property_loss import PropertyLoss
from tg_molfield.training.report import TrainingReport
from tg_molfield.training.validation import Validation
from tg_molfield.training.value_check import FieldValuesWarning

__all__ = [
    "AugmentedMolecules",
    "FieldLoss",
    "FieldValuesWarning",
    "FlowLoss",
    "InitialGuessLoss",
    "Loss",
    "MatchingLoss",
    "MissingDefinitionWarning",
    "PropertyLoss",
    "TrainingReport",
    "Validation",
    "fit",
]
