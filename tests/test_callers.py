"""Warnings are about a line of the user's code, through whatever door and decorators."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import FieldAutoEncoder, Grid, MolField, MolFieldTransform, find_atoms, from_smiles
from tg_molfield.inverse.find_atoms import recover_atoms

DEFINITION = MolField("H O")


def multiplied(search):
    data = from_smiles("O")
    volume = 10 * DEFINITION(data).on(Grid.around(data.pos, spacing=0.4))
    field = volume.with_mol_field(DEFINITION)
    return lambda: search(field)


def hydrazine_from_a_learned_code():
    data = from_smiles("NN")
    model = FieldAutoEncoder.from_pretrained("qm9-latent")
    latent = model.decoder.without_exact(model.encode(data.z, data.pos))
    return lambda: model.decoded(latent)


def stripped():
    data = from_smiles("CCO")
    bare = Data(z=data.z[data.z > 1], pos=data.pos[data.z > 1])
    model = FieldAutoEncoder.from_pretrained("organic-small")
    return lambda: model.encode(bare)


def far():
    data = from_smiles("O")
    far = Data(z=data.z, pos=data.pos.float() + 3e5)
    return lambda: DEFINITION(far)


def transformed():
    data = from_smiles("O")
    far = Data(z=data.z, pos=data.pos.float() + 3e5)
    transform = MolFieldTransform(DEFINITION, 8, seed=0)
    return lambda: transform(far)


CASES = {
    "find_atoms": lambda: multiplied(find_atoms),
    "recover_atoms": lambda: multiplied(recover_atoms),
    "decoded": hydrazine_from_a_learned_code,
    "encode": stripped,
    "definition": far,
    "transform": transformed,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("autocast", [False, True])
def test_warnings_are_about_the_callers_line(name, autocast):
    call = CASES[name]()
    with (
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        call()
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
