"""Molecules that are given twice."""

import warnings

import pytest
import torch
from rdkit import Chem

from tg_molfield.datasets import EqualMoleculesWarning, MoleculeFields
from tg_molfield.datasets.equal_molecules import warn_of_equal_molecules
from tg_molfield.datasets.splits import split_groups
from tg_molfield.structures.connectivity import connectivity
from tg_molfield.structures.scaffolds import scaffold

CHAINS = ["C" * count for count in range(1, 9)]


def parts(*indices: list[int]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(rows) for name, rows in zip(("train", "valid", "test"), indices, strict=True)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CCO", "OCC"),
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("C/C=C/C", "C/C=C\\C"),
        ("C[CH3:1]", "CC"),
        ("[2H]C", "C"),
    ],
)
def test_equal_molecules_in_two_parts_are_told(one, other):
    smiles = [one, "CCCC", other, "CCN"]
    with pytest.warns(EqualMoleculesWarning, match=r"\(1 in train, 1 in test\); by='scaffold' keeps them together"):
        warn_of_equal_molecules(smiles, parts([0, 1], [3], [2]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_equal_molecules(smiles, parts([0, 2], [3], [1]))


@pytest.mark.parametrize(("one", "other"), [("CCO", "COC"), ("CC[NH3+]", "CCN"), ("CC", "CC.Cl"), (None, None)])
def test_others_are_not(one, other):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_equal_molecules([one, other], parts([0], [], [1]))


def test_of_very_many_only_those_of_one_text_are_compared():
    with pytest.warns(EqualMoleculesWarning, match=r"several: CCO \(1 in train, 1 in test\); by"):
        warn_of_equal_molecules(["CCO", "OCC", "CCO"], parts([0], [1], [2]), most_compared=1)


def test_a_random_split_of_a_table_tells_of_them_and_a_split_by_scaffold_does_not(tmp_path):
    path = tmp_path / "table.smi"
    path.write_text("".join(f"{smiles} m\n" for smiles in [*CHAINS, "OCC", "CCO"]))
    dataset = MoleculeFields(tmp_path / "root", path)
    halves, twice = (0.5, 0, 0.5), {8, 9}

    def test_of(seed):
        return set(split_groups(range(10), halves, seed, False)["test"].tolist())

    seed = next(seed for seed in range(99) if len(twice & test_of(seed)) == 1)
    with pytest.warns(EqualMoleculesWarning, match=r"several: CCO \(1 in train, 1 in test\)") as caught:
        dataset.split_idx(halves, seed=seed)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.split_idx(halves, by="scaffold", seed=seed)
        dataset[:8].split_idx(halves, seed=seed)


@pytest.mark.parametrize("smiles", ["C[c:1]1ccccc1", "[cH:3]1[cH:4]cccc1O"])
def test_atom_maps_do_not_change_the_scaffold(smiles):
    assert scaffold(smiles) == "c1ccccc1"
    assert connectivity(smiles) == Chem.CanonSmiles(connectivity(smiles))
