"""Builds that go on with a ``pre_transform`` or ``pre_filter`` that calls change."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.datasets import MoleculeFields
from tg_molfield.structures import StructureWarning

MOLECULES = [Data(z=torch.tensor([2]), pos=torch.ones(1, 3)) for _ in range(300)]


class Count:
    def __init__(self):
        self.number = 0

    def __call__(self, data):
        self.number += 1
        data.number = self.number
        return data


class Keep:
    def __init__(self):
        self.seen = 0

    def __call__(self, data):
        self.seen += 1
        return self.seen % 2 == 0


class Scale:
    def __init__(self):
        self.factor = 2.0

    def __call__(self, data):
        data.pos = data.pos * self.factor
        return data


def closure():
    number = 0

    def transform(data):
        nonlocal number
        number += 1
        return data

    return transform


def interrupt(root, **functions):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MoleculeFields(root, MOLECULES, progress=stop, **functions)


@pytest.mark.parametrize(("name", "kind"), [("pre_transform", Count), ("pre_transform", closure), ("pre_filter", Keep)])
def test_a_build_that_goes_on_with_it_warns(tmp_path, name, kind):
    interrupt(tmp_path, **{name: kind()})
    with pytest.warns(StructureWarning, match=rf"^{name}: expected .* in the 256 records .* another root"):
        MoleculeFields(tmp_path, MOLECULES, **{name: kind()})


@pytest.mark.parametrize("force_reload", [False, True])
def test_an_unbroken_build_does_not(tmp_path, force_reload):
    with warnings.catch_warnings():
        warnings.simplefilter("error", StructureWarning)
        dataset = MoleculeFields(tmp_path, MOLECULES, pre_transform=Count(), force_reload=force_reload)
    assert [int(data.number) for data in dataset] == list(range(1, 301))


def test_a_function_that_calls_do_not_change_goes_on_without_a_word(tmp_path):
    interrupt(tmp_path, pre_transform=Scale())
    with warnings.catch_warnings():
        warnings.simplefilter("error", StructureWarning)
        MoleculeFields(tmp_path, MOLECULES, pre_transform=Scale())
