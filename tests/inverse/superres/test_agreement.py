"""Channels whose functions are certain, and channels that are not regressed on others."""

import pytest
import torch

from tg_molfield import MolField, RBFField, from_smiles, psnr
from tg_molfield.fields import Grid
from tg_molfield.inverse.superres import superresolve
from tg_molfield.inverse.superres.gaussian_search import found_functions
from tg_molfield.inverse.superres.methods.agreement import agreed_channels
from tg_molfield.inverse.superres.methods.kriging import krige
from tg_molfield.inverse.superres.mixture import Mixture
from tg_molfield.inverse.superres.pursuit import Search

WIDTH = 0.6


@pytest.fixture(scope="module")
def samples():
    """Four Gaussians in the first channel, and half of each in the second."""
    centers = torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [0, 1.6, 0.4], [1.0, 1.0, 1.5]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 0.5]], dtype=torch.float64).expand(4, 2)
    field = RBFField(centers, weights, WIDTH, channels=("C", "half"))
    return field.on(Grid.around(centers, spacing=0.8, margin=2.5)), centers


def search(volume, centers, off=0.0, number=4):
    origin = volume.grid.origin_tensor()
    pos = centers[:number] - origin
    return Search(Mixture(pos + off, torch.ones(number).double()), 0.0, True, 1)


def agreed(volume, *searches, unknown=(1,)):
    kriged = krige(volume.values, volume)
    found = {0: list(searches)}
    together = found_functions(volume, {0: WIDTH}, found, unknown)
    return agreed_channels(volume, kriged, together, {0: WIDTH}, found, unknown)


def test_functions_on_which_searches_agree_are_certain(samples):
    volume, centers = samples
    right = search(volume, centers)
    assert agreed(volume, right, search(volume, centers, off=1e-5)) == [0, 1]
    assert agreed(volume, right, right, unknown=()) == [0]


def test_functions_that_explain_too_little_or_differ_are_not(samples):
    volume, centers = samples
    right = search(volume, centers)
    assert agreed(volume, right) == []
    assert agreed(volume, search(volume, centers, number=3), search(volume, centers, number=3)) == []
    assert agreed(volume, search(volume, centers, off=0.05), search(volume, centers, off=-0.05)) == []


def test_channels_of_known_width_are_not_regressed_on_others(samples):
    volume, centers = samples
    searches = {0: [search(volume, centers)]}
    alone = found_functions(volume, {0: WIDTH}, searches, [])
    assert not alone.on(volume.grid).values[1].any()
    both = found_functions(volume, {0: WIDTH}, searches, [1])
    torch.testing.assert_close(both.on(volume.grid).values[1], volume.values[1], rtol=0, atol=1e-5)


def test_auto_takes_a_sum_of_what_it_found():
    """At samples left out kriging of the sum of all atoms is as good, and between the nodes 60 dB worse."""
    molecule = from_smiles("CCO")
    field = MolField("H C O all")(molecule)
    fine = Grid.around(molecule.pos, spacing=0.25, margin=2)
    result, report = superresolve(field.on(Grid.around(molecule.pos, spacing=0.6, margin=2.5)))
    assert report.shares["all"] == {"gaussians": 1.0}
    assert psnr(result["all"], field["all"], fine).occupied > 95
