"""Intersections of atoms against products written out, against the union, and volumes against hard spheres."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import Channel, Grid, MolField, from_smiles
from tg_molfield.fields import FormFactors, intersections
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict

RADII = {1: 1.2, 6: 1.7, 7: 1.55, 8: 1.52}


@pytest.fixture(scope="module")
def aspirin():
    return from_smiles("CC(=O)Oc1ccccc1C(=O)O", dtype=torch.float64)


def products(x, pos, radii, order, height=2.7):
    """Σ over groups of up to ``order`` atoms of their densities' products, with signs."""
    kappa = math.pi * (3 * height / (4 * math.pi)) ** (2 / 3)
    squares = ((x[:, None] - pos[None]) ** 2).sum(-1)
    density = height * np.exp(-kappa * squares / radii**2)
    total = np.zeros(len(x))
    for n in range(1, order + 1):
        for group in itertools.combinations(range(len(pos)), n):
            total += (-1) ** (n + 1) * density[:, group].prod(1)
    return total


def volume(field):
    return (field.weights * (2 * math.pi * field.widths[:, None].square()) ** 1.5).sum(0)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_values_are_those_of_all_products(aspirin, order):
    field = MolField.preset("shape", order=order)(aspirin)
    heavy = aspirin.z > 1
    pos = aspirin.pos[heavy].numpy()
    radii = np.array([RADII[int(z)] for z in aspirin.z[heavy]])
    x = pos[np.arange(60) % len(pos)] + np.random.default_rng(0).normal(size=(60, 3))
    expected = products(x, pos, radii, order)
    values = field(torch.from_numpy(x))[:, 0].numpy()
    assert np.abs(values - expected).max() <= 1e-3 * np.abs(expected).max()
    assert (np.abs(expected) > 0.1).sum() > 30, "the comparison would mean nothing among zeros"


def test_products_that_are_left_out_do_not_matter(aspirin, monkeypatch):
    field = MolField.preset("shape", order=4)(aspirin)
    monkeypatch.setattr(intersections, "LEAST_VOLUME", 0.0)
    exact = MolField.preset("shape", order=4)(aspirin)
    heavy = int((aspirin.z > 1).sum())
    hydrogens = len(aspirin.z) - heavy
    assert len(exact.centers) == sum(math.comb(heavy, n) for n in (1, 2, 3, 4)) + hydrogens
    assert len(field.centers) < len(exact.centers) / 2
    assert float(volume(field)) == pytest.approx(float(volume(exact)), rel=3e-5)


def test_integral_is_that_of_the_samples(aspirin):
    field = MolField.preset("shape", order=3)(aspirin)
    sampled = field.on(Grid.around(aspirin.pos, 0.25, 4.0)).integral()
    assert float(sampled[0]) == pytest.approx(float(volume(field)), rel=1e-6)


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "CCCCCC", "C1C2CC3CC1CC(C2)C3", "c1ccc2[nH]ccc2c1"])
def test_volume_is_that_of_hard_spheres_within_one_percent(smiles):
    """Grant and Pickup report 1 %; the spheres are counted on a grid, to 0.1 %."""
    data = from_smiles(smiles, dtype=torch.float64)
    heavy = data.z > 1
    radii = torch.tensor([RADII[int(z)] for z in data.z[heavy]])
    grid = Grid.around(data.pos, 0.15, 2.0)
    inside = (torch.cdist(grid.points(torch.float64), data.pos[heavy]) < radii).any(1)
    spheres = float(inside.sum()) * 0.15**3
    field = MolField.preset("shape", order=6)(data)
    assert float(volume(field)) == pytest.approx(spheres, rel=0.011)
    assert float(volume(MolField.preset("shape")(data))) > 1.4 * spheres, "the sum counts overlaps several times"


def test_all_products_of_few_atoms_are_the_union(monkeypatch):
    monkeypatch.setattr(intersections, "LEAST_VOLUME", 0.0)
    rng = torch.Generator().manual_seed(0)
    data = Data(z=torch.tensor([6, 7, 8, 6, 1]), pos=2 * torch.rand(5, 3, generator=rng, dtype=torch.float64))
    x = 4 * torch.rand(40, 3, generator=rng, dtype=torch.float64) - 1
    union = MolField("all C", aggregate="union")(data)(x)
    assert torch.allclose(MolField("all C", order=5)(data)(x), union, atol=1e-12)


def test_a_batch_is_its_molecules(aspirin):
    others = [from_smiles(smiles, dtype=torch.float64) for smiles in ("C", "O", "CCO")]
    hydrogen = Data(z=torch.tensor([1, 1]), pos=torch.tensor([[0.0, 0, 0], [0.7, 0, 0]], dtype=torch.float64))
    definition = MolField.preset("shape", order=4)
    molecules = [others[0], hydrogen, aspirin, others[1], others[2]]
    together = definition(Batch.from_data_list([Data(z=one.z, pos=one.pos) for one in molecules])).unbatch()
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for one, data in zip(together, molecules, strict=True):
        alone = definition(data)
        assert len(one.centers) == len(alone.centers)
        assert torch.allclose(one(x), alone(x), atol=1e-12)


def test_order_of_the_atoms_does_not_matter(aspirin):
    shuffled = torch.randperm(len(aspirin.z), generator=torch.Generator().manual_seed(1))
    other = Data(z=aspirin.z[shuffled], pos=aspirin.pos[shuffled])
    definition = MolField.preset("shape", order=6)
    assert len(definition(other).centers) == len(definition(aspirin).centers)
    assert float(volume(definition(other))) == pytest.approx(float(volume(definition(aspirin))), rel=1e-12)


def test_values_are_differentiable_by_positions():
    z = torch.tensor([6, 8, 7, 1])
    x = torch.tensor([[0.3, 0.8, 0.1], [1.0, 1.0, 0.4]], dtype=torch.float64)
    pos = torch.tensor(
        [[0.0, 0, 0], [1.2, 0, 0], [0.4, 1.3, 0], [-0.6, -0.6, 0.5]], dtype=torch.float64, requires_grad=True
    )
    definition = MolField.preset("shape", order=3)
    assert torch.autograd.gradcheck(lambda p: definition(Data(z=z, pos=p))(x), pos)


def test_coincident_atoms_and_a_lone_one():
    place = torch.zeros(2, 3)
    two = MolField.preset("shape", order=2)(Data(z=torch.tensor([6, 6]), pos=place))
    assert float(two(place[:1])) == pytest.approx(2.7 + 2.7 - 2.7**2, rel=1e-6)
    assert len(MolField.preset("shape", order=6)(Data(z=torch.tensor([6]), pos=place[:1])).centers) == 1


def test_products_stay_inside_a_channel_and_a_part():
    data = Data(
        z=torch.tensor([6, 8, 6]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0], [0, 1.4, 0]]),
        part=torch.tensor([0, 0, 1]),
    )  # fmt: skip
    assert len(MolField("C O", order=2)(data).centers) == 4, "the two carbons"
    assert len(MolField("C O", order=2, split_parts=True)(data).centers) == 3
    assert len(MolField("all", order=3)(data).centers) == 7


def test_order_is_part_of_the_definition():
    definition = MolField.preset("shape", order=2)
    assert "order=2" in repr(definition)
    assert definition != MolField.preset("shape")
    assert definition.differences(MolField.preset("shape"), ["shape"]) == ["order"]
    assert mol_field_from_dict(mol_field_to_dict(definition)) == definition


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "order: expected 1 to 6, got 0"),
        ({"order": 7}, "order: expected 1 to 6, got 7"),
        ({"order": 2.5}, "order: expected an integer, got 2.5"),
        ({"order": 2, "aggregate": "union"}, "order: expected 1 with aggregate='union', got 2"),
        ({"order": 2, "kernel": "slater"}, "order: expected 1 with kernel='slater', got 2"),
        ({"order": 2, "form_factors": FormFactors()}, "order: expected 1 with form_factors, got 2"),
        ({"order": 2, "channels": "forces:vector"}, "order: expected 1 with a vector channel, got 2"),
        ({"order": 2, "channels": [Channel("C", width=1.0)]}, "order: expected 1 with a channel with a width, got 2"),
    ],
)
def test_what_has_no_intersections_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MolField(**options)


def test_atoms_that_have_no_intersections_are_refused():
    data = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3), charge=torch.tensor([-1.0]), cell=4 * torch.eye(3)[None])
    with pytest.raises(ValueError, match="order: expected 1 for periodic atoms, got 2"):
        MolField("C", order=2)(data)
    del data.cell
    with pytest.raises(ValueError, match=r"weights: expected none below 0 with order=2, got -1"):
        MolField("charge", order=2)(data)


def test_too_many_products_are_refused(monkeypatch):
    monkeypatch.setattr(intersections, "_MAX_PRODUCTS", 1000)
    crowd = Data(z=torch.full((20,), 6), pos=torch.zeros(20, 3))
    assert len(MolField.preset("shape", order=2)(crowd).centers) == 20 + 190
    with pytest.raises(ValueError, match="order: expected at most 1000 products of 3 overlapping atoms, got more"):
        MolField.preset("shape", order=3)(crowd)
