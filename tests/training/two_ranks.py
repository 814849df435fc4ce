"""Two processes train and validate models with Lightning; run by `test_lightning.py`, as a script of its own."""

import json
import sys
import warnings
from pathlib import Path

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning_runs import data, module, recorder, told, trainer
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training.lightning import FieldLightningModule

FIELD = MolField("H C", widths=0.5, width_scale=1.0)
OPTIONS = {
    "rbf": {
        "encoder_options": {"out_channels": 8, "num_layers": 1},
        "decoder_options": {"num_slots": 4, "width": 16, "num_tokens": 2},
    },
    "structure_factors": {"decoder_options": {"elements": ("H", "C"), "width": 8, "num_rounds": 2, "num_searches": 0}},
}


def molecule(n: int) -> Data:
    generator = torch.Generator().manual_seed(n)
    data = Data(z=torch.full((n,), 6), pos=1.5 * torch.randn(n, 3, generator=generator))
    data.query_pos = data.pos.repeat(2, 1) + 0.3 * torch.randn(2 * n, 3, generator=generator)
    data.query_batch = torch.zeros(2 * n, dtype=torch.int64)
    data.field = FIELD(data)(data.query_pos)
    return data


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    items = [molecule(n) for n in range(1, 8)]
    logs = {}
    for decoder in OPTIONS:
        torch.manual_seed(0)
        model = FieldAutoEncoder(FIELD, 64, decoder, **OPTIONS[decoder]).requires_grad_(True)
        guess = getattr(model.decoder, "initial_guess", torch.nn.Identity())
        before = [parameter.detach().clone() for parameter in guess.parameters()]
        plain = Trainer(
            max_epochs=1, accelerator="cpu", devices=2, strategy="ddp_fork", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder, num_sanity_val_steps=0,
        )  # fmt: skip
        trained = Recorded(model, folder, decoder, items, before)
        plain.fit(trained, DataLoader(items, batch_size=2), DataLoader(items, batch_size=2))
    train_together(folder, "unbroken", None)
    train_together(folder, "resumed", folder / "one.ckpt")
    for rank in range(2):
        parts = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*.{rank}"))]
        logs = {name: value for part in parts for name, value in part.items()}
        (folder / f"rank{rank}.json").write_text(json.dumps(logs))


def train_together(folder: Path, name: str, checkpoint: Path | None) -> None:
    """Write what each rank ends in, with a `FieldDataModule`."""
    torch.manual_seed(len(name))
    recorded, own = recorder(), module(ema=0.5)
    ending = LambdaCallback(
        on_fit_end=lambda trainer, module: (folder / f"{name}.{trainer.global_rank}").write_text(
            json.dumps({name: told(trainer, module, recorded.losses)})
        )
    )
    options = {"devices": 2, "strategy": "ddp_fork", "callbacks": [recorded, ending]}
    trainer(folder, max_epochs=2, **options).fit(own, data(), ckpt_path=checkpoint)


class Recorded(FieldLightningModule):
    """Writes what each rank logs, and what it should: each molecule once."""

    def __init__(self, model, folder, name, items, before):
        super().__init__(model)
        self.folder, self.name, self.items, self.before = folder, name, items, before

    def on_train_end(self):
        model, quality = self.model.eval(), []
        for item in self.items:
            batch = Batch.from_data_list([item])
            quality.append(model.test(model.encode(batch), batch.query_pos, batch.field)["psnr"])
        guess = getattr(model.decoder, "initial_guess", torch.nn.Identity())
        same = all(torch.equal(a, b) for a, b in zip(self.before, guess.parameters(), strict=True))
        metrics = self.trainer.callback_metrics
        record = [float(metrics["val_psnr"]), sum(quality) / len(quality), same, float(metrics["train_loss"])]
        (self.folder / f"{self.name}.{self.global_rank}").write_text(json.dumps({self.name: record}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
