"""Numbers of NumPy and torch, as sweeps of parameters have them, do what those of Python do."""

import numpy as np
import pytest
import torch

from tg_molfield import FieldAutoEncoder, Grid, MolField, MolFieldTransform, from_smiles, superresolve
from tg_molfield.compare import screen
from tg_molfield.datasets import MoleculeFields
from tg_molfield.nn import FieldAutoDecoder
from tg_molfield.training import fit
from tg_molfield.training.lightning import FieldDataModule

FIELD = MolField("H C N O")
INTEGERS = [np.int64, np.int32, torch.tensor]


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles) for smiles in ("CO", "CCN", "CC=O", "C1CC1")]


@pytest.mark.parametrize("integer", INTEGERS)
def test_conformers(integer):
    expected = from_smiles("CCO", conformers=2, seed=3)
    found = from_smiles("CCO", conformers=integer(2), seed=integer(3), timeout=np.float32(20))
    assert all(one.pos.equal(other.pos) for one, other in zip(found, expected, strict=True))


def test_limits_of_time_that_are_integers_of_numpy():
    assert from_smiles("C", timeout=np.int64(20)).pos.equal(from_smiles("C").pos)


@pytest.mark.parametrize("integer", INTEGERS)
def test_points(integer, molecules):
    expected = MolFieldTransform(FIELD, num_queries=8, seed=1)(molecules[0])
    assert MolFieldTransform(FIELD, num_queries=integer(8), seed=integer(1))(molecules[0]).query_pos.equal(
        expected.query_pos
    )


@pytest.mark.parametrize("integer", INTEGERS)
def test_data_sets_and_their_splits(integer, tmp_path):
    (tmp_path / "t.csv").write_text("smiles\nCCO\nCC\nCN\nC\n")
    first = MoleculeFields(tmp_path / "set", tmp_path / "t.csv", conformers=integer(2), seed=integer(3))
    again = MoleculeFields(tmp_path / "set", tmp_path / "t.csv", conformers=2, seed=3)
    assert len(first) == len(again) == 8
    split, expected = (dataset.split_idx(seed=seed) for dataset, seed in ((first, integer(1)), (again, 1)))
    assert all(split[part].equal(expected[part]) for part in expected)


@pytest.mark.parametrize("integer", INTEGERS)
def test_trainings_and_their_files(integer, molecules, tmp_path):
    def trained(number, folder):
        torch.manual_seed(0)
        model = FieldAutoEncoder(FIELD, number(32), "rbf")
        for steps in (2, 3):
            fit(
                model, molecules, valid=molecules[:3], max_steps=number(steps), batch_size=number(2), seed=number(3),
                folder=folder,
            )  # fmt: skip
        return FieldAutoEncoder.from_pretrained(folder)

    found, expected = trained(integer, tmp_path / "a"), trained(int, tmp_path / "b")
    assert found.encode(molecules[0]).code.equal(expected.encode(molecules[0]).code)


@pytest.mark.parametrize("integer", INTEGERS)
def test_data_modules_keep_python_numbers(integer, molecules):
    state = FieldDataModule({"train": molecules}, batch_size=integer(2), seed=integer(1)).state_dict()
    assert type(state["seed"]) is type(state["batch_size"]) is int


@pytest.mark.parametrize("integer", INTEGERS)
def test_fitted_volumes(integer, molecules, tmp_path):
    volume = FIELD(molecules[0]).on(Grid.around(molecules[0].pos, spacing=0.8))
    kept = [tmp_path / name for name in ("a.checkpoint", "b.checkpoint")]
    found, expected = (
        superresolve(volume, seed=one, checkpoint=path)[0] for one, path in zip((integer(1), 1), kept, strict=True)
    )
    assert found(molecules[0].pos).equal(expected(molecules[0].pos))
    model = FieldAutoDecoder(FIELD, integer(1), latent_dim=integer(16), decoder="rbf", seed=integer(1))
    model.fit(volume, max_steps=integer(2), seed=integer(1))
    model.save(tmp_path / "model.safetensors")


@pytest.mark.parametrize("integer", INTEGERS)
def test_screens(integer, molecules, tmp_path):
    (tmp_path / "t.smi").write_text("CCO\nCC\nCN\n")
    options = ({"top": one(2), "seed": one(1), "conformers": one(2)} for one in (integer, int))
    found, expected = (
        screen(molecules[0], tmp_path / "t.smi", checkpoint=tmp_path / f"{number}.checkpoint", **given)
        for number, given in enumerate(options)
    )
    assert [(hit.name, hit.score) for hit in found] == [(hit.name, hit.score) for hit in expected]
