import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fit_on_ranks import runs

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training.order import BatchOrder

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize(("items", "batch"), [(7, 3), (8, 4), (5, 5), (9, 4)])
def test_ranks_share_the_batches_of_one(items, batch):
    alone = BatchOrder(items, batch, seed=1, rank=0, num_ranks=1)
    orders = [BatchOrder(items, batch, seed=1, rank=rank, num_ranks=3) for rank in range(3)]
    for epoch in range(3):
        for order in (alone, *orders):
            order.set_epoch(epoch)
        shares = list(zip(*orders, strict=True))
        batches = list(alone)
        assert len(shares) == len(batches) == len(alone) == -(-items // batch)
        for whole, parts in zip(batches, shares, strict=True):
            own = [part for part in parts if part.weight]
            assert sorted(torch.cat([part.items for part in own]).tolist()) == sorted(whole.items.tolist())
            counts = np.array([len(part.items) for part in own])
            weights = np.array([part.weight for part in own])
            np.testing.assert_allclose(weights / 3, counts / len(whole.items))
            assert {part.epoch for part in parts} == {epoch}
        assert sorted(torch.cat([one.items for one in batches]).tolist()) == list(range(items))
    orders[0].first = 1
    assert [share.step for share in orders[0]] == list(range(1, len(alone)))
    assert len(list(orders[0])) == len(alone)


def test_a_batch_of_fewer_molecules_than_ranks_is_refused():
    with pytest.raises(ValueError, match="batch_size: expected at least 3, one molecule for each process, got 2"):
        BatchOrder(8, 2, rank=0, num_ranks=3)


def test_two_processes_give_the_losses_of_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    script = Path(__file__).with_name("fit_on_ranks.py")
    processes = [
        subprocess.Popen([sys.executable, script, tmp_path / f"rank{rank}"], env={**shared, "RANK": str(rank)})
        for rank in range(2)
    ]
    one = runs(None)
    assert [process.wait() for process in processes] == [0, 0]
    for rank in range(2):
        found = json.loads((tmp_path / f"rank{rank}.json").read_text())
        for name in ("losses", "augmented", "valid", "code"):
            np.testing.assert_allclose(found[name], one[name], rtol=2e-4, atol=1e-6)
        assert (found["elements"], found["size"]) == (one["elements"], one["size"])
    assert FieldAutoEncoder.from_pretrained(tmp_path / "run").domain.max_atoms == one["size"]
