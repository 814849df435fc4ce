"""Comparisons of what is no single sum of Gaussians: volumes, other kernels, batches of molecules."""

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, from_smiles
from tg_molfield.compare import Scoring, align, overlap, pair_overlaps, similarity
from tg_molfield.compare.overlap import self_overlap
from tg_molfield.fields import Grid

FIELD = MolField("C O")
ETHANOL, ETHYLAMINE = from_smiles("CCO"), from_smiles("CCN")
APART = Data(z=ETHYLAMINE.z, pos=ETHYLAMINE.pos + torch.tensor([3.0, 0, 0]))


@pytest.mark.parametrize("kernel", ["wendland_c2", "slater"])
def test_the_closed_form_is_for_gaussians_alone(kernel):
    other, gaussian = MolField("C", kernel=kernel)(ETHANOL), MolField("C")(ETHANOL)
    for f, g, name in ((other, other, "f"), (other, gaussian, "f"), (gaussian, other, "g")):
        with pytest.raises(ValueError, match=f"{name}: expected a sum of Gaussians, got the kernel '{kernel}'"):
            overlap(f, g)
    with pytest.raises(ValueError, match="f: expected a sum of Gaussians, got the kernel"):
        self_overlap(other)
    with pytest.raises(ValueError, match="g: expected a sum of Gaussians, got a Volume"):
        overlap(gaussian, gaussian.on(Grid.around(ETHANOL.pos, 0.5)))
    with pytest.raises(TypeError, match="f: expected a Field, got NoneType"):
        overlap(None, gaussian)


def test_sums_and_selections_of_gaussians_overlap():
    field = FIELD(ETHANOL)
    assert torch.allclose(overlap(2.0 * field["C"], field["C"]), 2 * overlap(field, field)[..., :1])


def test_volumes_are_summed_on_their_own_grid():
    f, g = FIELD(ETHANOL), FIELD(APART)
    grid = Grid.around(ETHANOL.pos, spacing=0.5, margin=4)
    exact = pair_overlaps(f, g).values
    for one, two in ((f.on(grid), g.on(grid)), (f.on(grid), g), (f, g.on(grid))):
        found = pair_overlaps(one, two)
        away = (found.values - exact).abs()
        assert bool((away <= found.error + 1e-6).all())
        assert float(found.error.max()) < 2e-3 * float(exact.max())


def test_interpolated_volumes_have_larger_errors():
    f, g = FIELD(ETHANOL), FIELD(APART)
    coarse, fine = (Grid.around(ETHANOL.pos, spacing=spacing, margin=4) for spacing in (0.5, 0.3))
    exact = pair_overlaps(f, g).values
    for found in (
        pair_overlaps(f.on(coarse), g.on(fine), grid=fine),
        pair_overlaps(f.on(coarse), g.on(fine), grid=coarse),
        pair_overlaps(f, g.on(fine), grid=coarse),
        pair_overlaps(f.on(coarse), g.on(fine)),
    ):
        assert bool(((found.values - exact).abs() <= found.error + 1e-6).all())
    shares = pair_overlaps(f, g.on(fine), grid=coarse, per_center=True)
    assert torch.allclose(shares.values.sum(0), pair_overlaps(f, g.on(fine), grid=coarse).values[0], atol=1e-5)
    assert float(shares.error.max()) > 0


def test_one_molecule_is_aligned_with_one():
    batch, pair = Batch.from_data_list([ETHANOL, ETHYLAMINE]), FIELD(Batch.from_data_list([ETHANOL, ETHYLAMINE]))
    with pytest.raises(ValueError, match="mobile: expected one molecule, got 2; use align_many"):
        align(batch, ETHANOL)
    with pytest.raises(ValueError, match="fixed: expected one molecule, got 2; use align_many"):
        align(FIELD(ETHANOL), pair)
    with pytest.raises(TypeError, match=r"molecules\[0\]: expected a Data, got a Batch"):
        Scoring.of("shape").fields([batch])
    assert align(Batch.from_data_list([ETHANOL]), ETHANOL).score == pytest.approx(1, abs=1e-6)


def test_alignments_move_floats_alone():
    found = align(ETHANOL, ETHYLAMINE)
    assert found.apply(torch.ones(2, 3)).shape == (2, 3)
    with pytest.raises(ValueError, match=r"pos: expected floats, got torch.int64"):
        found.apply(torch.tensor([[1, 2, 3]]))
    with pytest.raises(ValueError, match=r"pos: expected points of shape \[Q, 3\], got \[3\]"):
        found.apply(torch.ones(3))
    with pytest.raises(TypeError, match="search: expected one of"):
        align(ETHANOL, ETHYLAMINE, search=[])


def test_volumes_are_alike_as_their_fields_are():
    f, g = FIELD(ETHANOL), FIELD(APART)
    grid = Grid.around(ETHANOL.pos, spacing=0.4, margin=5)
    found, exact = similarity(f.on(grid), g.on(grid)), similarity(f, g)
    assert float(found.total) == pytest.approx(float(exact.total), abs=1e-3)
