"""A `FieldDataModule` from a checkpoint: the batches of a run again."""

import io

import pytest
import torch
from lightning_runs import data, module, trainer
from small import molecules

pytest.importorskip("lightning")

pytestmark = pytest.mark.filterwarnings("ignore")


def saved(folder, **options):
    made = trainer(folder, max_steps=1, limit_val_batches=0)
    made.fit(module(), data(**options))
    made.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt"


def test_seed_and_batch_size_come_from_the_checkpoint(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule

    path = saved(tmp_path, batch_size=3, seed=7)
    for source in (path, io.BytesIO(path.read_bytes())):
        again = FieldDataModule.load_from_checkpoint(source, {"train": molecules(11)})
        assert (again.batch_size, again.seed) == (3, 7)
        assert again.state_dict() == data(batch_size=3, seed=7).state_dict()


def test_other_molecules_are_told(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule, ResumeWarning

    path = saved(tmp_path)
    with pytest.warns(ResumeWarning, match="molecules: expected 11, as in the checkpoint, got 10"):
        FieldDataModule.load_from_checkpoint(path, {"train": molecules(11)[:10]})


def test_molecules_are_asked_for(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule

    path = saved(tmp_path)
    with pytest.raises(ValueError, match="data: expected molecules, which checkpoints do not hold, got none"):
        FieldDataModule.load_from_checkpoint(path)


def test_other_files_are_refused(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule

    path = saved(tmp_path)
    content = torch.load(path, weights_only=True)
    del content["FieldDataModule"]
    torch.save(content, tmp_path / "bare.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    for name, reason in (("bare", "a run with a FieldDataModule"), ("other", "a checkpoint of a Field")):
        with pytest.raises(ValueError, match=rf"{name}.ckpt: expected {reason}"):
            FieldDataModule.load_from_checkpoint(tmp_path / f"{name}.ckpt", molecules(11))
