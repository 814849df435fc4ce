"""Steps that take in several batches: checkpoints within them, and parameters that not every batch reaches."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_runs import data, module, recorder, trainer
from torch import nn

from tg_molfield.training.ranks import Ranks

pytest.importorskip("lightning")

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("seeded")]


@pytest.mark.parametrize(("batches", "interval"), [(2, 3), (3, 2)])
def test_a_run_resumed_within_a_step_is_the_unbroken_one(batches, interval, tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint

    def run(checkpoint, callbacks):
        own, seen = module(ema=0.5), recorder()
        one = trainer(
            tmp_path, max_epochs=2, accumulate_grad_batches=batches, val_check_interval=interval,
            callbacks=[seen, *callbacks],
        )  # fmt: skip
        one.fit(own, datamodule=data(batch_size=2), ckpt_path=checkpoint)
        return seen.losses, own.model.state_dict()

    kept = ModelCheckpoint(
        tmp_path / "kept", "{step}", save_top_k=-1, every_n_epochs=1, save_on_train_epoch_end=False
    )  # fmt: skip
    losses, whole = run(None, [kept])
    checkpoints = sorted((tmp_path / "kept").iterdir())
    within = [path for path in checkpoints if "tg_molfield_gradients" in torch.load(path, weights_only=True)]
    assert within
    assert within != checkpoints
    for path in checkpoints:
        again, resumed = run(path, [])
        assert again.items() <= losses.items()
        assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_gradients_of_more_or_fewer_ranks_are_their_means():
    from tg_molfield.training.lightning.gradients import AccumulatedGradients

    net = nn.Linear(1, 1)
    own = AccumulatedGradients(net)
    states = [{"weight": torch.tensor([[2.0]])}, {"weight": torch.tensor([[4.0]])}]
    own.load(states, Ranks(0, 1))
    own.begin(Ranks(0, 1))
    assert (float(net.weight.grad), net.bias.grad) == (3.0, None)
    assert own.state(Ranks(0, 1)) == [{"weight": torch.tensor([[3.0]])}]
    own.load(states, Ranks(1, 2))
    own.begin(Ranks(1, 2))
    assert float(net.weight.grad) == 4.0
    own.load((), Ranks(0, 1))
    own.begin(Ranks(0, 1))
    assert own.state(Ranks(0, 1)) == []


def test_ranks_agree_on_parameters_that_only_some_of_them_reach(tmp_path):
    script = Path(__file__).with_name("reach_on_ranks.py")
    subprocess.run([sys.executable, "-W", "ignore", script, tmp_path], check=True, capture_output=True)
    weights = json.loads((tmp_path / "weights.json").read_text())
    assert len(weights) == 8
    assert weights[0] == [1.0, 1.0]
    assert all(one == other for one, other in weights)
    assert len({one for one, _ in weights}) > 2
