import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder

pytestmark = pytest.mark.usefixtures("seeded")

ENCODER = {"out_channels": 8, "num_layers": 1}

pytest.importorskip("lightning")


def data(n: int) -> Data:
    made = Data(z=torch.full((n,), 6), pos=torch.randn(n, 3))
    made.query_pos = torch.randn(8, 3)
    made.query_batch = torch.zeros(8, dtype=torch.int64)
    made.field = MolField("H C")(made)(made.query_pos)
    return made


@pytest.mark.filterwarnings("ignore")
def test_the_trainer_takes_steps(tmp_path):
    from lightning import Trainer

    from tg_molfield.training.lightning import FieldLightningModule

    options = {"num_slots": 4, "width": 16, "num_tokens": 2}
    model = FieldAutoEncoder(
        "H C", 64, encoder_options=ENCODER, pooling_options={"num_blocks": 0}, decoder_options=options
    )
    before = [p.detach().clone() for p in model.parameters()]
    loader = DataLoader([data(n) for n in (1, 2, 3, 4)], batch_size=2)
    trainer = Trainer(
        max_steps=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(FieldLightningModule(model), loader, loader)
    assert trainer.global_step == 2
    assert {"val_psnr", "val_psnr_occupied", "train_loss"} <= set(trainer.callback_metrics)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_the_trainer_takes_steps_in_mixed_precision(decoder, tmp_path):
    from lightning import Trainer

    from tg_molfield.training.lightning import FieldLightningModule

    options = {"num_slots": 4, "width": 16, "num_tokens": 2} if decoder == "rbf" else {"width": 16}
    model = FieldAutoEncoder("H C", 64, decoder, encoder_options=ENCODER, decoder_options=options)
    before = [p.detach().clone() for p in model.parameters()]
    loader = DataLoader([data(n) for n in (1, 2, 3, 4)], batch_size=2)
    trainer = Trainer(
        max_steps=2, accelerator="cpu", precision="bf16-mixed", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(FieldLightningModule(model), loader, loader)
    assert trainer.global_step == 2
    assert all(bool(value.isfinite()) for value in trainer.callback_metrics.values())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
