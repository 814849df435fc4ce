import math

import pytest
import torch

from tg_molfield.demo.enthalpies import ORGANIC, Enthalpies, with_enthalpies
from tg_molfield.demo.finetuning import COUNTS, FRESH, FROZEN, TUNED, learn_enthalpies
from tg_molfield.demo.molecules import ase_molecules, split_by_formula


def test_molecules_with_enthalpies():
    molecules = with_enthalpies(ase_molecules())
    assert len(molecules) == 99
    known = {data.name: data.y.item() for data in molecules}
    assert known["CH4"] == pytest.approx(-17.9)
    assert not {"H", "O2", "LiH", "SiH4"} & set(known)
    assert all(set(data.z.tolist()) <= set(ORGANIC) for data in molecules)


def test_four_models_predict_and_can_be_repeated():
    train, test = split_by_formula(ase_molecules(), 0.1, seed=0)
    state = torch.random.get_rng_state()
    steps: list[int] = []
    found = learn_enthalpies(train[:60], test, minutes=0.05, seed=3, progress=lambda: steps.append(1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(steps) == 6
    assert list(found.predicted) == [COUNTS, FROZEN, TUNED, FRESH]
    assert found.names == [data.name for data in with_enthalpies(test)]
    for values in found.predicted.values():
        assert len(values) == len(found.reference)
        assert all(map(math.isfinite, values))
    assert found.predicted[TUNED] != found.predicted[FRESH]
    assert learn_enthalpies(train[:60], test, minutes=0.05, seed=3) == found


def test_no_molecule_with_an_enthalpy():
    molecules = ase_molecules()
    atoms = [data for data in molecules if data.num_nodes == 1]
    for train, test in ((molecules, atoms), (atoms, molecules)):
        found = learn_enthalpies(train, test, minutes=0.05, seed=0)
        assert found.names == []
        assert found.errors() == []


def test_errors():
    found = Enthalpies(["a", "b"], [1.0, 2.0], {"model": [2.0, -1.0]}, num_train=5)
    assert found.errors() == [("model", 2, 2.0, pytest.approx(1.0))]
    assert Enthalpies(["a"], [1.0], {"model": [1.5]}, num_train=5).errors() == [("model", 1, 0.5, None)]
