import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, FieldLoss, MatchingLoss
from tg_molfield.training.distributed import is_counted, joined_with_zero, unreached_parameters

pytestmark = pytest.mark.usefixtures("seeded")

ENCODER = {"out_channels": 8, "num_layers": 1}

pytest.importorskip("lightning")


def quiet(tmp_path, **options):
    from lightning import Trainer

    plain = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": tmp_path,
    }
    return Trainer(**{**plain, **options})


def module(decoder: str = "rbf", loss=None, random_frames: bool = True):
    from tg_molfield.training.lightning import FieldLightningModule

    torch.manual_seed(3)
    options = {"num_slots": 4, "width": 16, "num_tokens": 2} if decoder == "rbf" else {"width": 16}
    model = FieldAutoEncoder(
        "H C", 64, decoder, encoder_options=ENCODER, decoder_options=options, random_frames=random_frames
    )
    return FieldLightningModule(model, loss)


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


def state_after(trainer, module) -> list[torch.Tensor]:
    optimizer = trainer.optimizers[0]
    moments = [optimizer.state[p]["exp_avg"] for p in module.model.parameters() if p in optimizer.state]
    return [tensor.detach().clone() for tensor in (*module.model.state_dict().values(), *moments)]


def resumed_and_unbroken(tmp_path, source, checkpoint_options, **options):
    """What two runs end in, one of which goes on from the first checkpoint of the other."""
    from lightning.pytorch.callbacks import ModelCheckpoint

    results = []
    path = None
    for _ in range(2):
        saved = ModelCheckpoint(tmp_path / str(len(results)), save_top_k=-1, filename="{step}", **checkpoint_options)
        trainer, own = quiet(tmp_path, enable_checkpointing=True, callbacks=[saved], **options), module()
        torch.manual_seed(5 + len(results))  # a resumed process has other random numbers
        trainer.fit(own, *source(), ckpt_path=path)
        results.append(state_after(trainer, own))
        path = path or min((tmp_path / "0").glob("*.ckpt"), key=lambda file: int(file.stem.split("=")[1].split("-")[0]))
    return results


@pytest.mark.filterwarnings("ignore")
def test_a_resumed_run_equals_the_unbroken_one(tmp_path):
    items = [data(n) for n in (1, 2, 3, 4, 5)]

    def source():
        return DataLoader(items, batch_size=2, shuffle=True), DataLoader(items[:3], batch_size=2)

    broken, whole = resumed_and_unbroken(tmp_path, source, {}, max_epochs=3)
    assert all(torch.equal(one, two) for one, two in zip(broken, whole, strict=True))


@pytest.mark.filterwarnings("ignore")
def test_a_stream_of_counted_batches_is_resumed_within_an_epoch(tmp_path):
    items = [data(n) for n in (1, 2, 3, 4, 5)]

    def source():
        return (WithPoints(items),)

    broken, whole = resumed_and_unbroken(tmp_path, source, {"every_n_train_steps": 3}, max_epochs=2)
    assert all(torch.equal(one, two) for one, two in zip(broken, whole, strict=True))


class WithPoints(AugmentedMolecules):
    """Augmented molecules with query points, drawn from torch's generator as they are."""

    def __init__(self, items):
        super().__init__(items, 3, num_batches=5)

    def sample(self):
        batch = super().sample()
        batch.query_pos = batch.pos + 0.1 * torch.randn_like(batch.pos)
        batch.query_batch = batch.batch
        batch.field = MolField("H C")(batch)(batch.query_pos, batch.batch)
        return batch


@pytest.mark.filterwarnings("ignore")
def test_validation_is_the_mean_over_molecules(tmp_path):
    items = [data(n) for n in (1, 2, 3, 4, 5)]
    items[2].field = torch.zeros_like(items[2].field)  # occupies nothing
    own, trainer = module(random_frames=False), quiet(tmp_path)
    found = trainer.validate(own, [DataLoader(items, batch_size=2), DataLoader(items[:1])], verbose=False)
    quality = []
    for item in items:
        batch = Batch.from_data_list([item])
        quality.append(own.model.eval().test(own.model.encode(batch), batch.query_pos, batch.field))
    first, second = found
    assert first["val_psnr/dataloader_idx_0"] == pytest.approx(sum(one["psnr"] for one in quality) / 5, abs=1e-4)
    occupied = [one["psnr_occupied"] for i, one in enumerate(quality) if i != 2]
    assert first["val_psnr_occupied/dataloader_idx_0"] == pytest.approx(sum(occupied) / 4, abs=1e-4)
    assert second["val_psnr/dataloader_idx_1"] == pytest.approx(quality[0]["psnr"], abs=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_streams_are_trained_on_and_batches_without_points_are_named(tmp_path):
    stream = AugmentedMolecules([data(n) for n in (1, 2, 3)], 2)
    trainer, own = quiet(tmp_path, max_steps=2), module(loss=MatchingLoss(MolField("H C")))
    trainer.fit(own, stream)
    assert trainer.global_step == 2
    bare = [Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))]
    with pytest.raises(ValueError, match=r"batch.query_pos: expected a tensor, got none; apply a MolFieldTransform"):
        quiet(tmp_path).validate(module(), DataLoader(bare), verbose=False)


def test_repeated_molecules_are_told_from_others():
    from torch.utils.data.distributed import DistributedSampler

    items = [data(1) for _ in range(7)]
    counted = []
    for rank in range(3):
        loader = DataLoader(items, batch_size=2, sampler=DistributedSampler(items, 3, rank, shuffle=False))
        start, kept = 0, []
        for batch in loader:
            mask, used = is_counted(loader, start, batch.num_graphs)
            start += used
            kept += mask.tolist()
        counted.append(kept)
    assert counted == [[True, True, True], [True, True, False], [True, True, False]]
    assert is_counted(DataLoader(items, batch_size=2), 0, 2)[0].tolist() == [True, True]


@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms", "structure_factors"])
def test_every_parameter_has_a_gradient_also_those_that_the_loss_does_not_reach(decoder):
    options = {"latent_dim": 64, "encoder_options": ENCODER} if decoder != "structure_factors" else {}
    model = FieldAutoEncoder(MolField("H C"), decoder=decoder, **options)
    batch = Batch.from_data_list([data(3), data(2)])
    value = FieldLoss()(model, batch)
    unreached = unreached_parameters(value, model)
    assert bool(unreached) == (decoder == "structure_factors")
    joined_with_zero(value, unreached).backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)
    assert all(not bool(parameter.grad.any()) for parameter in unreached)


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_of_other_ranks_is_warned_of(tmp_path):
    from tg_molfield.training.lightning import ResumeWarning

    loader = DataLoader([data(n) for n in (1, 2)], batch_size=2)
    trainer = quiet(tmp_path, max_steps=1)
    trainer.fit(module(), loader)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    checkpoint = torch.load(tmp_path / "one.ckpt", weights_only=True)
    checkpoint["tg_molfield_random_states"] *= 2
    torch.save(checkpoint, tmp_path / "two.ckpt")
    with pytest.warns(ResumeWarning, match="ckpt_path: expected a checkpoint of 1 ranks, got one of 2"):
        quiet(tmp_path, max_steps=2).fit(module(), loader, ckpt_path=tmp_path / "two.ckpt")
