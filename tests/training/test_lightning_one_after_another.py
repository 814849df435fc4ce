"""A module is validated, tested and trained one after the other, in any order."""

from itertools import permutations

import pytest
from lightning_runs import data, module, trainer

pytest.importorskip("lightning")

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("seeded")]


@pytest.mark.parametrize("order", list(permutations(("fit", "validate", "test"))), ids="-".join)
@pytest.mark.parametrize("checks", [0, 1])
def test_means_are_those_of_the_last(order, checks, tmp_path):
    own, found = module(), {}
    for what in (*order, order[0]):
        one = trainer(tmp_path, max_epochs=1, num_sanity_val_steps=checks)
        getattr(one, what)(own, datamodule=data())
        found[what] = {name: float(value) for name, value in one.callback_metrics.items()}
    fresh = trainer(tmp_path)
    fresh.validate(own, datamodule=data())
    if order[0] == "fit":
        assert found["fit"]["val_loss"] == float(fresh.callback_metrics["val_loss"])
    if order[0] == "validate":
        assert found["validate"]["val_loss"] == float(fresh.callback_metrics["val_loss"])
