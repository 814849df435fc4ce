import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, MatchingLoss, fit

pytestmark = pytest.mark.usefixtures("seeded")


def molecules():
    generator = torch.Generator().manual_seed(0)
    return [
        Data(
            z=torch.randint(1, 9, (n,), generator=generator),
            pos=1.5 * torch.randn(n, 3, generator=generator),
        )
        for n in (1, 2, 5, 9)
    ]


def test_batches_are_whole_sorted_and_finite():
    source = AugmentedMolecules(molecules(), 50, max_atoms=12)
    for _, batch in zip(range(5), source, strict=False):
        assert batch.z.dtype == torch.int64
        assert bool(batch.pos.isfinite().all())
        count = torch.bincount(batch.batch)
        assert count.numel() == 50
        assert int(count.min()) >= 1
        assert int(count.max()) <= 12
        assert bool((batch.batch.diff() >= 0).all())


def test_without_changes_molecules_are_themselves_or_mirrored():
    plain = {"stretch": 0, "shake": 0, "drop": 0, "relabel": 0, "join": 0, "grow": 0}
    batch = AugmentedMolecules(molecules()[3:], 6, **plain).sample()
    data = molecules()[3]
    for i in range(6):
        mine = batch.batch == i
        assert torch.equal(batch.z[mine], data.z)
        torch.testing.assert_close(torch.cdist(batch.pos[mine], batch.pos[mine]), torch.cdist(data.pos, data.pos))


def test_grown_molecules_are_bonded():
    source = AugmentedMolecules(molecules()[3:], 20, stretch=0, shake=0, drop=0, relabel=0, join=0, grow=1)
    batch = source.sample()
    for i in range(20):
        pos = batch.pos[batch.batch == i]
        distance = torch.cdist(pos, pos) + 9 * torch.eye(len(pos))
        assert bool((distance.amin(1) < 2.7).all())


def with_properties():
    """Molecules whose scalar is the atomic number and whose vector points from the centroid to the atom."""
    return [
        Data(z=data.z, pos=data.pos, charge=data.z.float(), vector=data.pos - data.pos.mean(0)) for data in molecules()
    ]


def test_scalars_stay_with_their_atoms():
    batch = AugmentedMolecules(with_properties(), 50, properties="charge", drop=0.5, relabel=0).sample()
    assert torch.equal(batch.charge, batch.z.float())
    assert "vector" not in batch


def test_vectors_rotate_and_reflect_with_their_molecule():
    plain = {"stretch": 0, "shake": 0, "drop": 0, "relabel": 0, "grow": 0}
    source = AugmentedMolecules(with_properties(), 50, properties=("charge", "vector"), join=1, max_atoms=18, **plain)
    batch = source.sample()
    torch.testing.assert_close(batch.charge, batch.z.float())
    origins = batch.pos - batch.vector
    for i in range(50):
        assert len(torch.unique((100 * origins[batch.batch == i]).round(), dim=0)) == 2


def test_a_model_with_properties_is_trained_on_augmented_molecules():
    options = {"num_slots": 4, "width": 16, "num_tokens": 2}
    small = {"encoder_options": {"out_channels": 8, "num_layers": 1}, "pooling_options": {"num_blocks": 0}}
    model = FieldAutoEncoder(MolField("C charge"), 64, properties="charge", decoder_options=options, **small)
    source = AugmentedMolecules(with_properties(), 4, properties=model.properties)
    assert fit(model, source, MatchingLoss(MolField("C charge")), max_steps=2).steps == 2


def test_bad_molecules_are_named():
    with pytest.raises(ValueError, match="molecules: expected at least one"):
        AugmentedMolecules([])
    with pytest.raises(ValueError, match=r"molecules\[0\].charge: expected a tensor \[1\] or \[1, 3\], got none"):
        AugmentedMolecules(molecules(), properties="charge")
    mixed = with_properties()[:2]
    mixed[1].charge = mixed[1].vector
    with pytest.raises(ValueError, match="charge: expected one shape in all molecules"):
        AugmentedMolecules(mixed, properties="charge")


def test_positions_in_double_precision_stay_in_it():
    source = AugmentedMolecules([Data(z=data.z, pos=data.pos.double()) for data in molecules()], 20, grow=0.5)
    batch = source.sample()
    assert batch.pos.dtype == torch.float64
    assert bool(batch.pos.isfinite().all())


def test_crystals_are_refused_and_empty_cells_are_not():
    cell = 5 * torch.eye(3)[None]
    found = molecules()
    found[2].cell, found[2].pbc = 0 * cell, torch.zeros(1, 3, dtype=torch.bool)
    AugmentedMolecules(found).sample()
    found[2].cell = cell
    with pytest.raises(
        ValueError, match=r"molecules\[2\]\.cell: expected no cell, as augmented atoms have no .*; train on"
    ):
        AugmentedMolecules(found)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"shake": math.nan}, ValueError, "shake: expected a finite number from 0, got nan"),
        ({"stretch": -1}, ValueError, "stretch: expected a finite number from 0, got -1"),
        ({"stretch": math.inf}, ValueError, "stretch: expected a finite number from 0, got inf"),
        ({"stretch": None}, TypeError, "stretch: expected a number, got NoneType"),
        ({"shake": "0.1"}, TypeError, "shake: expected a number, got str"),
        ({"drop": 5}, ValueError, "drop: expected a probability from 0 to 1, got 5"),
        ({"drop": -1}, ValueError, "drop: expected a probability from 0 to 1, got -1"),
        ({"relabel": 2}, ValueError, "relabel: expected a probability from 0 to 1, got 2"),
        ({"join": math.nan}, ValueError, "join: expected a probability from 0 to 1, got nan"),
        ({"grow": "often"}, TypeError, "grow: expected a number, got str"),
        ({"elements": [0]}, ValueError, "elements: expected atomic numbers from 1 to 118, got 0"),
        ({"elements": [200]}, ValueError, "elements: expected atomic numbers from 1 to 118, got 200"),
        ({"elements": [6.5]}, ValueError, "elements: expected an integer, got 6.5"),
        ({"elements": [None]}, ValueError, "elements: expected atomic numbers from 1 to 118, got None"),
        ({"elements": []}, ValueError, "elements: expected at least one atomic number, got none"),
        ({"elements": 6}, TypeError, "elements: expected a list of atomic numbers, got int"),
        ({"elements": "C N O"}, TypeError, "elements: expected a list of atomic numbers, got str"),
        ({"num_batches": -1}, ValueError, "num_batches: expected at least 1, got -1"),
        ({"max_atoms": None}, ValueError, "max_atoms: expected an integer, got None"),
        ({"max_atoms": 0}, ValueError, "max_atoms: expected at least 1, got 0"),
        ({"batch_size": None}, ValueError, "batch_size: expected an integer, got None"),
        ({"properties": None}, TypeError, "properties: expected a list of names, got NoneType"),
        ({"properties": [3]}, TypeError, "properties: expected names, got int"),
    ],
)
def test_options_that_cannot_be_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        AugmentedMolecules(molecules(), **options)


def test_options_of_other_libraries_are_taken():
    options = {
        "stretch": np.float32(0.1),
        "drop": torch.tensor(0.5),
        "elements": torch.tensor([6, 8]),
        "num_batches": 2,
    }
    source = AugmentedMolecules(molecules(), np.int64(3), **options)
    assert [batch.num_graphs for batch in source] == [3, 3]
    assert source.elements.tolist() == [6, 8]
