"""Training with Lightning."""

from tg_molfield.training.lightning.data import FieldDataModule, ResumeWarning
from tg_molfield.training.lightning.module import FieldLightningModule
from tg_molfield.training.lightning.pictures import ReconstructionPictures

__all__ = ["FieldDataModule", "FieldLightningModule", "ReconstructionPictures", "ResumeWarning"]
