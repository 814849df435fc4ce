"""Paths from one molecule to another, where atoms that both have move and the others fade."""

import re

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdFMCS
from scipy.spatial.transform import Rotation
from torch_geometric.data import Batch, Data

from tg_molfield import FieldPath, MolField, from_rdkit, from_smiles

IBUPROFEN = "CC(C)Cc1ccc(cc1)C(C)C(=O)O"
NAPROXEN = "COc1ccc2cc(ccc2c1)C(C)C(=O)O"
FIELD = MolField("H C N O other")
ROUNDING = 1e-9


def molecule(smiles: str) -> Data:
    return from_smiles(smiles, seed=3, dtype=torch.float64, properties=["partial_charge"])


@pytest.fixture(scope="module")
def drugs():
    return [molecule(smiles) for smiles in (IBUPROFEN, NAPROXEN)]


def moved(data: Data, seed: int = 1) -> Data:
    """A copy that is turned and shifted."""
    copy, turn = data.clone(), torch.from_numpy(Rotation.random(random_state=seed).as_matrix())
    copy.pos = data.pos @ turn.T + torch.tensor([7.0, -3.0, 2.0], dtype=torch.float64)
    return copy


def points(data: Data) -> torch.Tensor:
    noise = torch.randn(300, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return 3 * noise + data.pos.mean(0)


def difference(one, other, at) -> float:
    return float((one(at) - other(at)).abs().max())


def laid(path: FieldPath, data: Data) -> Data:
    """The last molecule, laid on the first as the path tells."""
    rotation, translation = path.superposition
    copy = data.clone()
    copy.pos = data.pos @ rotation.T + translation
    return copy


@pytest.mark.parametrize("match", ["mcs", "field"])
def test_ends_are_the_molecules_and_nothing_jumps(drugs, match):
    first, last = drugs
    path, at = FieldPath(drugs, FIELD, times=[2.0, 6.0], match=match), points(first)
    assert path.is_morph
    assert difference(path.field(2.0), FIELD(first), at) == 0
    assert difference(path.field(6.0), FIELD(laid(path, last)), at) < ROUNDING
    for near, end in ((2.0 + 4e-9, 2.0), (6.0 - 4e-9, 6.0)):
        assert difference(path.field(near), path.field(end), at) < 1e-6
    places = torch.stack([path.positions(time) for time in np.linspace(2, 6, 161)])
    moved = places.diff(dim=0).norm(dim=-1)
    assert float(moved.max()) < 5 * float(moved.sum(0).max()) / len(moved)


@pytest.mark.parametrize("match", ["mcs", "field"])
def test_swapped_and_moved_molecules_have_the_same_morph(drugs, match):
    first, last = drugs
    path, back = FieldPath(drugs, FIELD, match=match), FieldPath([last, moved(first)], FIELD, match=match)
    assert sorted(map(tuple, path.matched.tolist())) == sorted((j, i) for i, j in back.matched.tolist())
    assert [set(one.tolist()) for one in path.unmatched] == [set(one.tolist()) for one in back.unmatched[::-1]]
    rotation, translation = path.superposition
    at = points(first)
    for time in (0.0, 0.3, 0.5, 1.0):
        there = (at - translation) @ rotation
        assert float((path.field(time)(at) - back.field(1 - time)(there)).abs().max()) < 1e-5


def test_matched_atoms_are_those_of_the_substructure(drugs):
    first, last = (Chem.AddHs(Chem.MolFromSmiles(smiles)) for smiles in (IBUPROFEN, NAPROXEN))
    found = rdFMCS.FindMCS(
        [Chem.RemoveHs(first), Chem.RemoveHs(last)], ringMatchesRingOnly=True, completeRingsOnly=True
    )
    pattern = Chem.MolFromSmarts(found.smartsString)
    places = [set(one.GetSubstructMatches(pattern, uniquify=False)) for one in (first, last)]
    path = FieldPath(drugs, FIELD, match="mcs")
    heavy = {i: j for i, j in path.matched.tolist() if drugs[0].z[i] > 1}
    assert len(heavy) == found.numAtoms == 11
    assert any(tuple(heavy.get(atom) for atom in place) in places[1] for place in places[0])
    assert torch.equal(drugs[0].z[path.matched[:, 0]], drugs[1].z[path.matched[:, 1]])
    hydrogens = [(i, j) for i, j in path.matched.tolist() if drugs[0].z[i] == 1]
    holders = [
        {b.GetIdx(): b.GetNeighbors()[0].GetIdx() for b in one.GetAtoms() if b.GetAtomicNum() == 1}
        for one in (first, last)
    ]
    assert len(hydrogens) == 8
    assert all(heavy[holders[0][i]] == holders[1][j] for i, j in hydrogens)


def test_every_atom_moves_or_fades_once(drugs):
    first, last = drugs
    path = FieldPath(drugs, FIELD, match="mcs")
    leaving, arriving = path.unmatched
    assert sorted([*path.matched[:, 0].tolist(), *leaving.tolist()]) == list(range(len(first.z)))
    assert sorted([*path.matched[:, 1].tolist(), *arriving.tolist()]) == list(range(len(last.z)))
    assert path.z.tolist() == [*first.z.tolist(), *last.z[arriving].tolist()]
    share = path.occupancies(0.25)
    assert share[leaving].unique().tolist() == [0.75]
    assert share[len(first.z) :].unique().tolist() == [0.25]
    assert share[path.matched[:, 0]].unique().tolist() == [1.0]
    assert path.positions(0.25).shape == (len(path.z), 3)
    assert torch.equal(path.positions(0.25)[leaving], first.pos[leaving])
    assert len(path.field(0.25).atoms.z) == len(path.matched)
    assert "19 move, 14 fade out, 12 fade in" in repr(path)


def test_integrals_go_straight_from_one_molecule_to_the_other(drugs):
    path = FieldPath(drugs, FIELD, match="mcs")
    ends, middle = [path.field(time).weights.sum(0) for time in (0.0, 1.0)], path.field(0.25).weights.sum(0)
    torch.testing.assert_close(middle, torch.lerp(*ends, 0.25), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("match", ["mcs", "field"])
def test_one_molecule_has_the_plain_path(drugs, match):
    first = drugs[0]
    path, plain = FieldPath([first, moved(first)], FIELD, match=match), FieldPath([first, first], FIELD)
    assert not path.is_morph
    assert path.matched.tolist() == [[i, i] for i in range(len(first.z))]
    assert float((path.positions(0.4) - plain.positions(0.4)).abs().max()) < 1e-5
    assert path.occupancies(0.4).unique().tolist() == [1.0]
    assert float((path.data(0.4).partial_charge - first.partial_charge).abs().max()) < ROUNDING


def test_atoms_in_another_order_are_put_in_order():
    first = molecule("CC(F)O")
    order = torch.randperm(len(first.z), generator=torch.Generator().manual_seed(2))
    shuffled = moved(first)
    for name in ("z", "pos", "partial_charge", "formal_charge"):
        if name in shuffled:
            shuffled[name] = shuffled[name][order]
    path = FieldPath([first, shuffled], FIELD, match="mcs")
    assert not path.is_morph
    assert order[path.matched[:, 1]].tolist() == path.matched[:, 0].tolist()
    torch.testing.assert_close(path.data(0.5).pos, first.pos, rtol=0, atol=1e-6)
    torch.testing.assert_close(path.data(0.5).partial_charge, first.partial_charge)


@pytest.mark.parametrize(
    ("first", "last", "moving", "leaving", "arriving"),
    [
        ("C", "CO", 4, 1, 2),
        ("CC", "CCO", 7, 1, 2),
        ("O=C=O", "O=C=S", 2, 1, 1),
        ("c1ccccc1", "Cc1ccccc1", 11, 1, 4),
        ("C1CCCC1", "C1CCCCC1", 15, 0, 3),
        ("c1ccccc1", "c1ccc2ccccc2c1", 10, 2, 8),
    ],
)
def test_small_molecules(first, last, moving, leaving, arriving):
    path = FieldPath([molecule(first), molecule(last)], FIELD, match="mcs")
    assert [len(path.matched), *map(len, path.unmatched)] == [moving, leaving, arriving]
    assert bool(path.field(0.5)(path.positions(0.5)).isfinite().all())


def test_hydrogens_lie_on_each_other_after_superposition():
    path = FieldPath([(first := molecule("C")), (last := molecule("CF"))], FIELD, match="mcs")
    apart = first.pos[path.matched[:, 0]] - laid(path, last).pos[path.matched[:, 1]]
    assert float(apart.norm(dim=1).max()) < 0.1


def test_the_nearest_way_to_match_is_taken():
    """Without bond orders, both oxygens of an acid fit: the hydrogen decides. Then the sides of the ring do."""
    first, last = molecule("OC(=O)c1ccccc1Cl"), molecule("OC(=O)c1ccccc1Br")
    path = FieldPath([first, moved(last)], FIELD, match="mcs")
    assert [len(one) for one in path.unmatched] == [1, 1]
    assert all(i == j for i, j in path.matched.tolist() if first.z[i] > 1)


FADING = {
    "union": MolField.preset("funcmol"),
    "maximum": MolField("C O", kernel="occupancy", aggregate="maximum"),
    "intersections": MolField.preset("shape", order=3),
    "form factors": MolField.preset("promolecule"),
    "a charge": MolField.preset("esp"),
    "parts": MolField("C O", split_parts=True),
    "widths of atoms": MolField("all", widths="radius"),
    "vectors": MolField("forces:vector"),
}


@pytest.mark.parametrize("name", FADING)
def test_definitions_in_which_atoms_fade(name):
    first, last = molecule("CCO"), molecule("CC(=O)N")
    for data in (first, last):
        data.part = (data.z == 8).long()
        data.radius = 0.4 + 0.01 * torch.arange(len(data.z), dtype=torch.float64)
        data.forces = data.pos - data.pos.mean(0)
    mol_field = FADING[name]
    path = FieldPath([first, last], mol_field, match="mcs")
    at, rotation = points(first), path.superposition[0]
    end = laid(path, last)
    end.forces = last.forces @ rotation.T
    assert difference(path.field(0), mol_field(first), at) == 0
    assert difference(path.field(1), mol_field(end), at) < ROUNDING
    for near, place in ((1e-9, 0), (1 - 1e-9, 1)):
        assert difference(path.field(near), path.field(place), at) < 1e-4
    half = path.field(0.5)(at)
    assert bool(half.isfinite().all())
    assert float((half - path.field(0)(at)).abs().max()) > 1e-3


def test_a_half_faded_atom_has_half_its_weight():
    first, last = molecule("CCO"), molecule("CCN")
    path = FieldPath([first, last], MolField("O N"), match="mcs")
    at = torch.cat([first.pos[first.z == 8], laid(path, last).pos[last.z == 7]])
    oxygen, nitrogen = path.field(0.5)(at).diagonal()
    assert float(oxygen) == pytest.approx(0.5)
    assert float(nitrogen) == pytest.approx(0.5)


def test_between_the_ends_there_is_no_molecule(drugs):
    path = FieldPath(drugs, FIELD, match="mcs")
    assert torch.equal(path.data(0).pos, drugs[0].pos)
    assert torch.equal(path.data(1).z, drugs[1].z)
    torch.testing.assert_close(path.data(1).pos, laid(path, drugs[1]).pos)
    with pytest.raises(ValueError, match=r"time: expected 0 or 1, the ends of a morph, got 0\.5"):
        path.data(0.5)
    path.data(0).pos.zero_()
    assert torch.equal(path.data(0).pos, drugs[0].pos)
    assert path.data(0).pos.abs().sum() > 0


def test_given_molecules_stay_as_they_are(drugs):
    before = [data.pos.clone() for data in drugs]
    FieldPath(drugs, FIELD, match="field").field(0.5)
    assert all(torch.equal(data.pos, pos) for data, pos in zip(drugs, before, strict=True))


def test_a_plain_path_has_no_morph(trajectory):
    path = FieldPath(trajectory)
    assert not path.is_morph
    assert path.matched.tolist() == [[i, i] for i in range(len(path.z))]
    assert [len(one) for one in path.unmatched] == [0, 0]
    assert path.occupancies(1.5).tolist() == [1.0] * len(path.z)


def periodic(data: Data) -> Data:
    copy = data.clone()
    copy.cell, copy.pbc = 20 * torch.eye(3, dtype=torch.float64)[None], torch.ones(1, 3, dtype=torch.bool)
    return copy


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda a, b: [a, b], {"match": "atoms"}, "match: expected one of mcs, field, got 'atoms'"),
        (lambda a, b: [a, b, a], {"match": "mcs"}, "frames: expected 2 molecules with match, got 3"),
        (lambda a, b: [a], {"match": "mcs"}, "frames: expected 2 molecules with match, got 1"),
        (
            lambda a, b: [a, periodic(b)],
            {"match": "field"},
            "frames[1]: expected a molecule with match, got a periodic",
        ),
        (
            lambda a, b: [a, Batch.from_data_list([b])],
            {"match": "mcs"},
            "frames[1]: expected one molecule, got a batch",
        ),
        (lambda a, b: [a, b], {}, "frames[1]: expected 33 atoms as in frames[0], got 31"),
        (
            lambda a, b: [a, b],
            {"match": "mcs", "mol_field": MolField.preset("vdw")},
            "mol_field: expected a field in which atoms can fade, got aggregate='distance'",
        ),
        (
            lambda a, b: [a, b],
            {"match": "mcs", "mol_field": MolField("C O", aggregate="displacement")},
            "mol_field: expected a field in which atoms can fade, got aggregate='displacement'",
        ),
        (
            lambda a, b: [a, b],
            {"match": "mcs", "mol_field": MolField.preset("mnf")},
            "mol_field: expected a field in which atoms can fade, got normalize_grid_size",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(drugs, change, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FieldPath(change(*drugs), **options)


@pytest.mark.parametrize(
    ("first", "last", "match", "message"),
    [
        ("C", "O", "mcs", "match: expected molecules with a common substructure for 'mcs', got none"),
        ("[Na+].[Cl-]", "Cl", "mcs", "match: expected molecules that share two bonded atoms or more for 'mcs'"),
        ("F", "[Na+].[Cl-]", "field", "match: expected atoms of one element within 1 Å for 'field'"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_molecules_that_share_nothing(first, last, match, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FieldPath([molecule(first), molecule(last)], FIELD, match=match)


def test_too_many_atoms_for_a_substructure(drugs):
    large = Data(z=torch.full((1001,), 6), pos=torch.arange(3003, dtype=torch.float64).reshape(-1, 3))
    for frames in ([drugs[0], large], [large, drugs[0]]):
        with pytest.raises(
            ValueError, match="match: expected molecules of at most 1000 atoms for 'mcs', got one of 1001"
        ):
            FieldPath(frames, FIELD, match="mcs")


def test_molecules_of_rdkit_keep_single_precision():
    mols = []
    for smiles in ("CCO", "CCN"):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(mol, randomSeed=1)
        mols.append(from_rdkit(mol))
    field = FieldPath([mols[0], mols[1].clone()], FIELD, match="mcs").field(0.5)
    assert field.dtype == mols[0].pos.dtype
