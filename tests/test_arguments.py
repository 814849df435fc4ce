"""Counts and sizes are integers: 2.9 is not truncated, True is not 1."""

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, superresolve
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, fit
from tg_molfield.transforms import MolFieldTransform
from tg_molfield.viz import map_page

AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
GRID = Grid((0.0, 0.0, 0.0), AXES, (6, 6, 6))
MOLECULE = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))


def volume():
    return MolField("C")(MOLECULE).on(GRID)


CALLS = {
    "shape": lambda n: Grid((0.0, 0.0, 0.0), AXES, (n, 4, 4)),
    "n": lambda n: Grid.cube((0.0, 0.0, 0.0), 3.0, n),
    "from_cell": lambda n: Grid.from_cell(AXES, (4, 4, n)),
    "refined": GRID.refined,
    "coarsened": GRID.coarsened,
    "grid of the paper": lambda n: MolField().grid(MOLECULE, n),
    "normalize_grid_size": lambda n: MolField(normalize_grid_size=n),
    "num_restarts": lambda n: superresolve(volume(), widths=MolField("C"), num_restarts=n),
    "latent_dim": lambda n: FieldAutoEncoder(latent_dim=n),
    "summary_channels": lambda n: FieldAutoEncoder(summary_channels=n),
    "num_slots": lambda n: FieldAutoEncoder(decoder_options={"num_slots": n}),
    "num_layers": lambda n: FieldAutoEncoder(decoder="siren", decoder_options={"num_layers": n}),
    "num_radial": lambda n: FieldAutoEncoder(decoder="atoms", decoder_options={"num_radial": n}),
    "num_searches": lambda n: FieldAutoEncoder(decoder="structure_factors", decoder_options={"num_searches": n}),
    "out_channels": lambda n: FieldAutoEncoder(encoder_options={"out_channels": n}),
    "num_tokens": lambda n: FieldAutoEncoder(pooling_options={"num_tokens": n}),
    "refine": lambda n: FieldAutoEncoder().eval().encode(MOLECULE, refine=n, target=MolField()(MOLECULE)),
    "num_volumes": lambda n: FieldAutoDecoder("C", num_volumes=n),
    "max_steps": lambda n: FieldAutoDecoder("C").fit(volume(), max_steps=n),
    "steps of training": lambda n: fit(FieldAutoEncoder(), [MOLECULE], max_steps=n),
    "batch_size": lambda n: AugmentedMolecules([MOLECULE], n),
    "num_queries": lambda n: MolFieldTransform(num_queries=n),
}


@pytest.mark.parametrize("value", [2.9, 3.0, True, "3", torch.tensor(2.5), torch.tensor(True), np.float64(3)])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_integer_is_refused(name, value):
    with pytest.raises(ValueError, match="expected an integer, got"):
        CALLS[name](value)


@pytest.mark.parametrize(
    "call",
    [
        lambda seed: MolFieldTransform(seed=seed),
        lambda seed: superresolve(volume(), widths=MolField("C"), seed=seed),
        lambda seed: fit(FieldAutoEncoder(), [MOLECULE], max_steps=1, seed=seed),
        lambda seed: FieldAutoDecoder("C").fit(volume(), max_steps=1, seed=seed),
        lambda seed: map_page("codes", torch.eye(3), seed=seed),
    ],
)
def test_seeds_have_64_bits(call):
    with pytest.raises(ValueError, match="seed: expected an integer of 64 bits"):
        call(2**64)


def test_integers_of_other_libraries_are_integers():
    assert Grid.cube((0.0, 0.0, 0.0), 3.0, np.int64(4)).shape == (4, 4, 4)
    assert GRID.refined(np.int32(2)).shape == (11, 11, 11)
    assert MolFieldTransform(num_queries=np.int64(3)).num_queries == 3
