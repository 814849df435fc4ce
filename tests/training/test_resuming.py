import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small import FIELD, model, molecules
from torch_geometric.data import Data
from torch_geometric.datasets import FakeDataset
from torch_geometric.loader import DataLoader
from torch_geometric.nn.models import SchNet

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.tensor_files import read_header
from tg_molfield.training import (
    AugmentedMolecules,
    InitialGuessLoss,
    MatchingLoss,
    MissingDefinitionWarning,
    fit,
    folder_lock,
)
from tg_molfield.transforms import MolFieldTransform

pytestmark = pytest.mark.usefixtures("seeded")

OPTIONS = {"batch_size": 3, "max_epochs": 6, "ema": 0.9, "checkpoint_seconds": 0, "lr": 3e-3}


class Killed(Exception):
    """Ends a run in the middle."""


def unbroken(**options):
    own = model()
    return own, fit(own, molecules(), valid=molecules(3), **{**OPTIONS, **options})


def same(one, two) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize("at", [1, 4, 5, 17])
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(at, tmp_path):
    whole, report = unbroken()

    def kill(report, share):
        if report.steps == at:
            raise Killed

    with pytest.raises(Killed):
        fit(model(), molecules(), valid=molecules(3), folder=tmp_path, progress=kill, **OPTIONS)
    other = model(seed=3)
    torch.manual_seed(9)
    resumed = fit(other, molecules(), valid=molecules(3), folder=tmp_path, **OPTIONS)
    assert resumed.losses == report.losses
    assert resumed.validations == report.validations
    assert same(whole, other)
    again = fit(model(), molecules(), valid=molecules(3), folder=tmp_path, **OPTIONS)
    assert (again.losses, again.ended) == (report.losses, "budget")
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", *(str(v.step) for v in report.validations)]


def test_tied_parameters_are_kept_tied(tmp_path):
    def own():
        torch.manual_seed(0)
        schnet = SchNet(hidden_channels=8, num_filters=8, num_interactions=1, num_gaussians=4)
        return FieldAutoEncoder(
            FIELD, 8, "siren", schnet, pooling_options={"width": 16, "num_tokens": 2, "num_blocks": 1},
            decoder_options={"width": 8, "num_layers": 2},
        )  # fmt: skip

    whole, broken = own(), own()
    fit(whole, molecules(), max_steps=6)
    fit(broken, molecules(), max_steps=6, max_seconds=1e-9, folder=tmp_path)
    fit(broken, molecules(), max_steps=6, folder=tmp_path)
    block = broken.encoder.module.interactions[0]
    assert block.mlp[0].weight is block.conv.nn[0].weight
    assert same(whole, broken)


def test_parts_of_a_run_are_the_whole_run(tmp_path):
    whole, report = unbroken()
    parts, own = [], model()
    for _ in range(30):
        part = fit(own, molecules(), valid=molecules(3), folder=tmp_path, max_seconds=0.05, **OPTIONS)
        parts.append(part.ended)
        if part.ended == "budget":
            break
    assert set(parts[:-1]) <= {"seconds"}
    assert part.losses == report.losses
    assert same(whole, own)


def test_workers_do_not_change_the_draws():
    assert unbroken(workers=2, max_epochs=2)[1].losses == unbroken(max_epochs=2)[1].losses


def test_augmented_molecules_are_resumed(tmp_path):
    def run(folder=None, progress=None):
        return fit(
            model(), AugmentedMolecules(molecules(), 4), max_steps=6, folder=folder, progress=progress,
            checkpoint_seconds=0,
        )  # fmt: skip

    def kill(report, share):
        if report.steps == 3:
            raise Killed

    report = run()
    with pytest.raises(Killed):
        run(tmp_path, kill)
    assert run(tmp_path).losses == report.losses
    assert len(set(report.losses)) == 6
    with pytest.raises(ValueError, match=r"stretch: expected 0\.05, as in this checkpoint, got 1\.0"):
        fit(model(), AugmentedMolecules(molecules(), 4, stretch=1.0), max_steps=8, folder=tmp_path)


def test_draws_of_a_data_set_are_functions_of_the_seed_the_epoch_and_the_molecule():
    from tg_molfield.training.drawn import DrawnMolecules
    from tg_molfield.training.order import Share

    def shake(data):
        data.pos = torch.randn(data.num_nodes, 3) + random.random() + np.random.rand()  # noqa: NPY002
        return data

    fake = FakeDataset(num_graphs=6, avg_num_nodes=4)
    fake.transform = shake
    drawn = DrawnMolecules(fake, seed=2)
    state, state_of_python, state_of_numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]  # noqa: NPY002
    one = drawn[Share(1, 0, torch.tensor([4, 2, 0]), 1.0)].to_data_list()
    torch.rand(3)
    other = drawn[Share(1, 5, torch.tensor([1, 4]), 1.0)].to_data_list()
    assert torch.equal(one[0].pos, other[1].pos)
    assert torch.equal(one[0].draw_seed, other[1].draw_seed)
    later = drawn[Share(2, 0, torch.tensor([4]), 1.0)].to_data_list()
    assert not torch.equal(one[0].pos, later[0].pos)
    torch.set_rng_state(state)
    drawn[Share(1, 0, torch.tensor([4]), 1.0)]
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == state_of_python
    assert (np.random.get_state()[1] == state_of_numpy).all()  # noqa: NPY002
    fake.transform = MolFieldTransform(FIELD, seed=1)
    with pytest.raises(ValueError, match=r"data.transform: expected no seed or generator in MolFieldTransform"):
        DrawnMolecules(fake)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    fit(model(), molecules(), max_steps=2, folder=tmp_path)
    for options, message in (
        ({"lr": 1.0}, "lr: expected 0.001, as in this checkpoint, got 1.0; give another folder, or resume=False"),
        ({"seed": 3}, "seed: expected 0, as in this checkpoint, got 3"),
        ({"batch_size": 2}, "batch_size: expected 64, as in this checkpoint, got 2"),
        ({"loss": InitialGuessLoss()}, "loss: expected FieldLoss, as in this checkpoint, got InitialGuessLoss"),
    ):
        with pytest.raises(ValueError, match=rf"checkpoint.safetensors: {message}"):
            fit(model(), molecules(), max_steps=2, folder=tmp_path, **options)
    with pytest.raises(
        ValueError, match=r"checkpoint.safetensors: molecules: expected 7, as in this checkpoint, got 5"
    ):
        fit(model(), molecules(5), max_steps=2, folder=tmp_path)
    other = model()
    other.random_frames = False
    with pytest.raises(
        ValueError, match=r"checkpoint.safetensors: random_frames: expected True, as in this checkpoint, got"
    ):
        fit(other, molecules(), max_steps=2, folder=tmp_path)
    fresh = fit(model(), molecules(), max_steps=3, folder=tmp_path, lr=1.0, resume=False)
    assert fresh.steps == 3
    data = (tmp_path / "checkpoint.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"checkpoint.safetensors: expected"):
        fit(model(), molecules(), max_steps=3, folder=tmp_path, lr=1.0)


def test_a_definition_that_a_model_takes_over_does_not_make_another_run(tmp_path):
    def bare():
        torch.manual_seed(0)
        options = {"num_slots": 4, "width": 16, "num_tokens": 2}
        return FieldAutoEncoder("H C O", 32, "rbf", encoder_options={"num_layers": 1}, decoder_options=options)

    own, loss = bare(), MatchingLoss(FIELD)
    with pytest.warns(MissingDefinitionWarning):
        fit(own, molecules(), loss, max_steps=3, max_seconds=1e-9, folder=tmp_path)
    fit(own, molecules(), loss, max_steps=3, max_seconds=1e-9, folder=tmp_path)
    with pytest.warns(MissingDefinitionWarning):
        assert fit(bare(), molecules(), loss, max_steps=3, folder=tmp_path).steps == 3
    with pytest.raises(ValueError, match=r"width_scale: expected 1\.0, as in this checkpoint, got"):
        fit(own, molecules(), MatchingLoss(MolField("H C O", widths=0.5)), max_steps=3, folder=tmp_path)


def test_a_longer_budget_goes_on(tmp_path):
    fit(model(), molecules(), max_steps=2, folder=tmp_path, schedule="constant")
    longer = fit(model(), molecules(), max_steps=4, folder=tmp_path, schedule="constant")
    whole = fit(model(), molecules(), max_steps=4, schedule="constant", warmup=0.0)
    assert longer.steps == whole.steps == 4


def test_loaders_are_trained_on_but_leave_no_checkpoint(tmp_path):
    items = [MolFieldTransform(FIELD, 8)(data) for data in molecules()]
    fit(model(), DataLoader(items, batch_size=2), max_steps=2, folder=tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert isinstance(FieldAutoEncoder.from_pretrained(tmp_path), FieldAutoEncoder)


SCRIPT = """
import sys
from small import model, molecules
from tg_molfield.training import fit
if __name__ == "__main__":
    import torch
    torch.set_num_threads(1)
    report = fit(model(), molecules(), valid=molecules(3), batch_size=3, max_epochs=15, ema=0.9, checkpoint_seconds=0,
                 lr=3e-3, folder=sys.argv[1])
    print(report.ended)
"""


def start(folder: Path) -> subprocess.Popen:
    script = folder.parent / "train.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n" + SCRIPT)
    command = [sys.executable, "-W", "ignore::FutureWarning", script, folder]  # PyG's, with torch 2.15
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_signals_leave_a_run_that_goes_on(number, status, tmp_path):
    folder = tmp_path / "run"
    process = start(folder)
    wait_for(folder / "checkpoint.safetensors", process)
    process.send_signal(number)
    _, errors = process.communicate()
    if number == signal.SIGINT:
        assert "KeyboardInterrupt: interrupted after step" in errors
        assert f"give folder={str(folder)!r} again to go on" in errors
    else:
        assert process.returncode == status
    done = read_header(folder / "checkpoint.safetensors").parameters
    assert done["ended"] == ""
    own = model()
    report = fit(
        own, molecules(), valid=molecules(3), batch_size=3, max_epochs=15, ema=0.9, lr=3e-3, folder=folder
    )  # fmt: skip
    whole = model()
    assert (
        fit(whole, molecules(), valid=molecules(3), batch_size=3, max_epochs=15, ema=0.9, lr=3e-3).losses
        == report.losses
    )
    assert same(own, whole)


def test_one_process_trains_in_a_folder(tmp_path):
    process = start(tmp_path / "run")
    wait_for(tmp_path / "run" / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGSTOP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_lock, "_PATIENCE", 0.0)
        with pytest.raises(BlockingIOError, match="folder: expected one training at a time in "):
            fit(model(), molecules(), max_steps=1, folder=tmp_path / "run")
    process.send_signal(signal.SIGCONT)
    assert process.communicate() == ("budget\n", "")


def test_other_molecules_of_the_same_number_are_another_run(tmp_path):
    others = [Data(z=data.z, pos=1.1 * data.pos) for data in molecules()]
    fit(model(), molecules(), valid=molecules(3), max_steps=2, folder=tmp_path)
    with pytest.raises(ValueError, match=r"safetensors: fingerprint of molecules: expected \w+, as in"):
        fit(model(), others, valid=molecules(3), max_steps=3, folder=tmp_path)
    with pytest.raises(ValueError, match=r"fingerprint of molecules of valid: expected \w+, as in"):
        fit(model(), molecules(), valid=others[:3], max_steps=3, folder=tmp_path)
    with pytest.raises(ValueError, match=r"valid: expected .*, as in this checkpoint, got None"):
        fit(model(), molecules(), max_steps=3, folder=tmp_path)
    assert fit(model(), molecules(), valid=molecules(3), max_steps=3, folder=tmp_path).steps == 3


def test_other_augmented_molecules_are_another_run(tmp_path):
    fit(model(), AugmentedMolecules(molecules(), batch_size=3), max_steps=1, folder=tmp_path)
    others = [Data(z=data.z, pos=1.1 * data.pos) for data in molecules()]
    with pytest.raises(ValueError, match="fingerprint of molecules: expected"):
        fit(model(), AugmentedMolecules(others, batch_size=3), max_steps=2, folder=tmp_path)


def test_validation_can_begin_later(tmp_path):
    fit(model(), molecules(), max_steps=2, folder=tmp_path, max_seconds=1e-9)
    report = fit(model(), molecules(), valid=molecules(3), max_steps=3, folder=tmp_path)
    assert (report.steps, report.best.step) == (3, 3)


def test_more_patience_goes_on(tmp_path):
    options = {"valid": molecules(3), "max_epochs": 8, "lr": 0.0, "folder": tmp_path}
    first = fit(model(), molecules(), patience=2, **options)
    assert (first.ended, first.steps) == ("patience", 3)
    assert fit(model(), molecules(), patience=2, **options).steps == 3
    more = fit(model(), molecules(), patience=4, **options)
    assert (more.ended, more.steps) == ("patience", 5)
    assert fit(model(), molecules(), **options).ended == "budget"
