import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import Grid, MolField, RBFField, psnr
from tg_molfield.metrics import DefinitionMismatchWarning, psnr_of_values, psnr_per_graph

GRID = Grid.cube((0, 0, 0), 8, 17)


def ball(weight: float, channels=("a", "empty")) -> RBFField:
    return RBFField(torch.zeros(1, 3), torch.tensor([[weight, 0.0]]), 1.0, channels=channels)


def test_known_error_gives_known_ratio():
    truth = ball(2.0)
    ratio = psnr(ball(1.8), truth, GRID)
    values = truth.on(GRID).values / 2.0
    error = (0.1 * values) ** 2
    assert ratio.all_nodes == pytest.approx(-10 * math.log10(float(error.mean())), abs=1e-4)
    assert ratio.occupied == pytest.approx(-10 * math.log10(float(error[values > 0.01].mean())), abs=1e-4)
    assert ratio.all_nodes > ratio.occupied


def test_equal_fields_are_infinitely_alike():
    assert psnr(ball(1.0), ball(1.0), GRID) == (math.inf, math.inf)


def test_given_peak():
    difference = psnr(ball(1.8), ball(2.0), GRID).all_nodes - psnr(ball(1.8), ball(2.0), GRID, peak=1.0).all_nodes
    assert difference == pytest.approx(20 * math.log10(2), abs=1e-4)


def test_signed_targets_count_both_signs():
    assert psnr(ball(-1.8), ball(-2.0), GRID) == pytest.approx(psnr(ball(1.8), ball(2.0), GRID), abs=1e-6)


def test_different_channels_are_refused():
    with pytest.raises(ValueError, match="expected the channels of target"):
        psnr(ball(1.0), ball(1.0, channels=("b", "c")), GRID)


def test_bad_peak_is_refused():
    with pytest.raises(ValueError, match="peak: expected a positive, finite number, got 0"):
        psnr(ball(1.0), ball(1.0), GRID, peak=0)


def methanol() -> Data:
    pos = torch.tensor([[0.0, 0, 0], [1.4, 0, 0], [1.8, 0.9, 0]], dtype=torch.float64)
    return Data(z=torch.tensor([6, 8, 1]), pos=pos)


def test_different_definitions_are_told():
    data = methanol()
    target = MolField("H C O")(data)
    psnr(MolField("O C H")(data)["H", "C", "O"], target, GRID)
    psnr(MolField("C O N")(data)["C"].on(GRID), target["C"], GRID)
    for other in (MolField("H C O", width_scale=0.6), MolField("H C O", normalize_grid_size=16)):
        with pytest.warns(DefinitionMismatchWarning, match="differs in (width_scale|normalize_grid_size)"):
            ratio = psnr(other(data), target, GRID)
        assert ratio == psnr(other(data).with_mol_field(None), target, GRID)
    with pytest.warns(DefinitionMismatchWarning, match="differs in channels"):
        psnr(MolField("C other")(data)["other"], MolField("C O other")(data)["other"], GRID)


@pytest.mark.parametrize("peak", [None, 1.0])
def test_scattered_points_give_the_ratios_of_each_molecule_alone(peak):
    batch = Batch.from_data_list([methanol(), methanol(), methanol()])
    batch.pos = batch.pos + batch.batch[:, None] * torch.tensor([0.0, 0.3, 0.0])
    target = MolField("H C O N")(batch)
    points = 3 * torch.randn(90, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    owner = torch.arange(3).repeat_interleave(torch.tensor([20, 30, 40]))
    truth = target(points, owner)
    values = truth + 0.01 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ratios = psnr_per_graph(values, truth, owner, 4, peak)
    for graph in range(3):
        alone = psnr_of_values(values[owner == graph].T, truth[owner == graph].T, peak)
        assert ratios.all_points[graph].item() == pytest.approx(alone.all_nodes)
        assert ratios.occupied[graph].item() == pytest.approx(alone.occupied)
    assert ratios.all_points[3].isnan()
    empty = psnr_per_graph(values, torch.zeros_like(truth), owner, 3, 1.0)
    assert empty.all_points.isfinite().all()
    assert empty.occupied.isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rounding_to_the_type_of_a_field_is_an_error_of_it(dtype):
    exact = MolField("H C O")(methanol()).on(GRID)
    rounded = exact.to(dtype)
    truth = exact.values.flatten(1)
    error = ((rounded.values.double().flatten(1) - truth) / truth.amax(1, keepdim=True)).square().mean()
    expected = -10 * math.log10(float(error))
    assert psnr(rounded, exact, GRID).all_nodes == pytest.approx(expected, abs=1e-6)
    assert psnr(exact, rounded, GRID).all_nodes == pytest.approx(expected, abs=0.1)


def test_integers_and_large_numbers_are_compared_without_overflow():
    values, owner = torch.tensor([[250], [3], [90]]), torch.zeros(3, dtype=torch.long)
    target = values + torch.tensor([[3], [-3], [3]])
    expected = psnr_per_graph(values.double(), target.double(), owner, 1)
    assert psnr_per_graph(values.to(torch.uint8), target.to(torch.uint8), owner, 1) == expected
    assert psnr_per_graph(values.double(), target, owner, 1) == expected
    huge = 1e36 * torch.tensor([[1.0], [-2.0], [3.0]])
    assert psnr_per_graph(-100 * huge, 100 * huge, owner, 1).all_points.isfinite().all()
    with pytest.raises(ValueError, match="batch: expected values from 0 to 0, got 0 to 1"):
        psnr_per_graph(values, target, torch.tensor([0, 0, 1]), 1)
