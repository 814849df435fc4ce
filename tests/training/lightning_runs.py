"""Short runs with Lightning, and what they log."""

import torch
from small import model, molecules

QUIET = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def trainer(folder, **options):
    from lightning import Trainer

    if any("Checkpoint" in type(one).__name__ for one in options.get("callbacks", ())):
        options["enable_checkpointing"] = True
    return Trainer(**{**QUIET, "default_root_dir": folder, **options})


def recorder():
    """A callback with the loss of each step in ``losses``."""
    from lightning import Callback

    class Recorder(Callback):
        def __init__(self):
            self.losses = {}

        def on_train_batch_end(self, trainer, module, outputs, batch, index):
            self.losses[trainer.global_step] = float(trainer.callback_metrics["train_loss"])

    return Recorder()


def data(**options):
    from tg_molfield.training.lightning import FieldDataModule

    found = molecules(11)
    return FieldDataModule({"train": found, "valid": found[:3], "test": found[3:5]}, **{"batch_size": 4, **options})


def module(loss=None, **options):
    from tg_molfield.training.lightning import FieldLightningModule

    return FieldLightningModule(model(), loss, **{"lr": 1e-2, **options})


def told(trainer, module, losses):
    """What a run ends in, as JSON values."""
    names = ("val_loss", "val_psnr", "val_psnr_occupied")
    return {
        "losses": losses,
        "valid": [float(trainer.callback_metrics[name]) for name in names],
        "elements": list(module.model.domain.elements),
        "size": module.model.domain.max_atoms,
        "code": module.model.eval().encode(molecules()[3]).code.flatten().tolist(),
    }


def parameters(module):
    return {name: tensor.detach().clone() for name, tensor in module.model.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
