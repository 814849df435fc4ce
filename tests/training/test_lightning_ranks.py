"""Two processes that train with Lightning are one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lightning_runs import data, module, recorder, told, trainer

pytest.importorskip("lightning")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """What one process logs with a `FieldDataModule`, and what each of two, see `two_ranks.py`."""
    from lightning.pytorch.callbacks import ModelCheckpoint

    folder = tmp_path_factory.mktemp("ranks")
    saved = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    recorded, own = recorder(), module(ema=0.5)
    made = trainer(folder, max_epochs=2, callbacks=[recorded, saved])
    made.fit(own, data())
    (folder / "step=4.ckpt").rename(folder / "one.ckpt")
    script = Path(__file__).parent / "two_ranks.py"
    run = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-3000:]
    ranks = [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]
    return told(made, own, recorded.losses), ranks


def test_ranks_log_the_same_means_and_train_models_of_every_kind(logs):
    """Seven molecules in a loader of one's own: one rank has a repeated one."""
    _, (first, second) = logs
    assert first == second
    found, expected, _, _ = first["rbf"]
    assert found == pytest.approx(expected, abs=1e-3)
    assert first["structure_factors"][2], "parameters that the loss does not reach have changed"


@pytest.mark.parametrize(("name", "steps"), [("unbroken", range(1, 7)), ("resumed", range(5, 7))])
def test_ranks_give_the_losses_of_one_process(logs, name, steps):
    """Eleven molecules in batches of four of both ranks together, from the start and from a checkpoint of one rank."""
    one, ranks = logs
    assert list(one["losses"]) == list(range(1, 7))
    for rank in ranks:
        found = rank[name]
        losses = [found["losses"][str(step)] for step in steps]
        assert len(found["losses"]) == len(losses)
        np.testing.assert_allclose(losses, [one["losses"][step] for step in steps], rtol=2e-4)
        np.testing.assert_allclose(found["valid"], one["valid"], rtol=2e-4)
        np.testing.assert_allclose(found["code"], one["code"], rtol=2e-4, atol=1e-5)
        assert (found["elements"], found["size"]) == (one["elements"], one["size"])
