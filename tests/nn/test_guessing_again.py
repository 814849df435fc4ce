"""Atoms that are guessed again from where the least squares end."""

import pytest
import torch
from torch_geometric.data import Batch

from tg_molfield import FieldAutoEncoder, from_smiles
from tg_molfield.nn.decoders.structure_factors.counts import counted_atoms
from tg_molfield.nn.decoders.structure_factors.solver import atoms_with_gradient, first_guess
from tg_molfield.training import InitialGuessLoss

MOLECULES = (
    "CC(=O)Nc1ccc(O)cc1",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "CN1CCC[C@H]1c1cccnc1",
    "COc1ccc2cc(ccc2c1)C(C)C(=O)O",
    "CC(C)NCC(O)COc1cccc2ccccc12",
    "NS(=O)(=O)c1cc(C(=O)O)c(NCc2ccco2)cc1Cl",
    "Clc1ccc(cc1)C(c1ccccc1)N1CCN(CC1)CCO",
    "CCN(CC)CCNC(=O)c1ccc(N)cc1",
)


@pytest.fixture(scope="module")
def model():
    return FieldAutoEncoder.from_pretrained("organic-small")


@pytest.fixture(scope="module")
def batch():
    return Batch.from_data_list([from_smiles(smiles) for smiles in MOLECULES])


def found(model, code, guess):
    transform = model.decoder.transform
    atoms = first_guess(transform, model.decoder.initial_guess, code, counted_atoms(transform, code))
    seed = torch.zeros(len(code), dtype=torch.int64)
    return atoms_with_gradient(transform, code, seed, atoms, 0, guess)[1]


@torch.no_grad()
def test_more_atoms_are_found_before_any_search(model, batch):
    code = model.encode(batch).code
    once, again = found(model, code, None), found(model, code, model.decoder.initial_guess)
    assert bool((again | ~once).all())
    assert int(again.sum()) > int(once.sum())


@torch.no_grad()
def test_guesses_that_begin_where_others_led_are_nearer(model, batch):
    losses = [float(InitialGuessLoss(repeats=repeats)(model, batch)) for repeats in (0, 1, 2)]
    assert losses[0] > losses[1] > losses[2]


@torch.no_grad()
def test_a_guess_goes_on_from_a_fitted_one(model, batch):
    code = model.encode(batch).code
    kinds, mask, first = model.decoder.guesses(code)
    assert [part.tolist() for part in model.decoder.guesses(code, 1)[:2]] == [kinds.tolist(), mask.tolist()]
    again = model.decoder.guesses(code, 1)[2]
    assert len(again) == len(first)
    moved = (again[0] - first[0]).norm(dim=2)[mask]
    assert moved.max() > 0.1
