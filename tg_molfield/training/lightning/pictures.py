"""`ReconstructionPictures`: what a model reconstructs, drawn while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch_geometric.data import Data

from tg_molfield.arguments import check_integers
from tg_molfield.fields import MolField
from tg_molfield.optional import require
from tg_molfield.training.lightning.data import FieldDataModule
from tg_molfield.training.lightning.module import FieldLightningModule
from tg_molfield.training.pictures import picture_name, reconstruction_figure

if TYPE_CHECKING:
    from lightning import Callback
    from lightning.pytorch.loggers import TensorBoardLogger
else:
    Callback = require("lightning", "train").Callback
    TensorBoardLogger = require("lightning.pytorch.loggers", "train").TensorBoardLogger


class ReconstructionPictures(Callback):
    """Draws slices of the exact and of the reconstructed fields of molecules while a `FieldLightningModule` trains.

    The pictures are written as PNG files into ``pictures`` in the Trainer's ``log_dir``, and to a `TensorBoardLogger`.
    The model has its averaged parameters, where it has any.

    Args:
        molecules: what is drawn; or how many of the validation molecules of a `FieldDataModule`.
        every_n_epochs: epochs from one time to the next.
        mol_field: the definition of the exact field; by default that of the model.

    Raises:
        ValueError: a number is less than 1.
    """

    def __init__(
        self, molecules: int | Sequence[Data] = 4, every_n_epochs: int = 1, mol_field: MolField | None = None
    ) -> None:
        check_integers(every_n_epochs=every_n_epochs)
        if isinstance(molecules, Data):
            molecules = [molecules]
        if not isinstance(molecules, Sequence):
            check_integers(molecules=molecules)
        for name, count in (
            ("molecules", len(molecules) if isinstance(molecules, Sequence) else molecules),
            ("every_n_epochs", every_n_epochs),
        ):
            if count < 1:
                raise ValueError(f"{name}: expected at least 1, got {count}; give more, or leave the callback out")
        self.molecules, self.every_n_epochs, self.mol_field = molecules, every_n_epochs, mol_field

    def __repr__(self) -> str:
        count = self.molecules if isinstance(self.molecules, int) else len(self.molecules)
        return f"ReconstructionPictures({count} molecules, every_n_epochs={self.every_n_epochs})"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Look for the molecules and the definition.

        Raises:
            TypeError: the module is no `FieldLightningModule`.
            ValueError: there are none.
        """
        if not isinstance(pl_module, FieldLightningModule):
            raise TypeError(
                f"ReconstructionPictures: expected a FieldLightningModule, got {type(pl_module).__name__}; leave the "
                "callback out"
            )
        if stage == "fit":
            self._drawn(trainer)
            self._definition(pl_module)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Draw at the end of every so many epochs."""
        folder = trainer.log_dir or trainer.default_root_dir
        if (trainer.current_epoch + 1) % self.every_n_epochs or not trainer.is_global_zero:
            return
        from tg_molfield.viz import save_figure

        definition, step = self._definition(pl_module), trainer.global_step
        with pl_module.averaged():
            for index, data in enumerate(self._drawn(trainer)):
                figure = reconstruction_figure(pl_module.model, definition, data, f"step {step}")
                save_figure(figure, Path(folder) / "pictures" / picture_name(step, index), dpi=100)
                for logger in trainer.loggers:
                    if isinstance(logger, TensorBoardLogger):
                        logger.experiment.add_figure(f"reconstruction/{index}", figure, step)

    def _drawn(self, trainer: Any) -> Sequence[Data]:
        if isinstance(self.molecules, Sequence):
            return self.molecules
        source = trainer.datamodule
        found = source.molecules("valid", self.molecules) if isinstance(source, FieldDataModule) else []
        if not found:
            raise ValueError(
                "molecules: expected a FieldDataModule with molecules to validate with, got none; give "
                "ReconstructionPictures([data, ...])"
            )
        return found

    def _definition(self, module: FieldLightningModule) -> MolField:
        found = module.model.mol_field if self.mol_field is None else self.mol_field
        if not isinstance(found, MolField):
            raise ValueError(
                "mol_field: expected a definition, got a model of channels alone; give "
                "ReconstructionPictures(mol_field=MolField(...))"
            )
        return found
