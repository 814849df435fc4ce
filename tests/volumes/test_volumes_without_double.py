"""Volumes and ratios of signal to noise on a device without double precision."""

import pytest
import torch
from emulated_device import emulated_device
from torch_geometric.data import Data
from without_double import check_on_device

from tg_molfield import Grid, MolField, Volume, psnr
from tg_molfield.metrics import psnr_per_graph

FIELD = MolField("C N O", widths=0.6, width_scale=1.0)
GRID = Grid.cube((0.2, 0, 0), 8.0, 17)
OTHER = Grid.cube((0.1, 0.1, 0), 7.0, 13)


def molecule():
    pos = torch.tensor([[0.1, 0.2, -0.3], [1.3, 0.4, 0.2], [-0.9, 1.1, 0.3], [2.0, -0.8, 0.5]])
    return Data(z=torch.tensor([6, 6, 7, 8]), pos=pos)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_volumes_are_evaluated(interpolation):
    def evaluate(data):
        volume = FIELD(data).on(GRID).interpolated(interpolation)
        yield volume(data.pos + 0.1)
        yield volume.gradient(data.pos + 0.1)
        yield volume.integral()
        yield volume.resampled(OTHER).values
        yield (volume + 0.5 * volume).values
        yield volume.interpolated(interpolation, True)(data.pos + 9)

    check_on_device(evaluate, molecule())


@pytest.mark.parametrize("name", ["a.npz", "a.cube", "a.xsf", "CHGCAR"])
def test_volumes_are_saved(tmp_path, name):
    crystal = Grid.from_cell(8 * torch.eye(3), (9, 10, 11))

    def saved(data):
        volume = FIELD(data)["C"].on(crystal).interpolated("linear", True)
        path = volume.save(tmp_path / name)[0]
        again = Volume.read(path).to(data.pos.device)
        yield again.values
        yield again.atoms.pos

    check_on_device(saved, molecule())


def test_maps_are_saved(tmp_path):
    def saved(data):
        volume = FIELD(data).on(GRID.on_lattice())
        for suffix in ("dx", "mrc"):
            yield Volume.read(volume.save(tmp_path / f"a.{suffix}")).to(data.pos.device).values

    check_on_device(saved, molecule())


def test_ratios_are_measured():
    def ratios(data):
        field = FIELD(data)
        volume = field.on(GRID)
        for peak in (None, 2.0):
            yield from psnr(volume, field, OTHER, peak)
            values = volume(data.pos.repeat(20, 1) + 0.05)
            batch = torch.arange(len(values), device=data.pos.device) % 3
            found = psnr_per_graph(values, field(data.pos.repeat(20, 1) + 0.05), batch, 4, peak)
            yield found.all_points
            yield found.occupied

    check_on_device(ratios, molecule(), tolerance=1e-4)


def test_ratios_of_fields_of_two_devices():
    data = molecule()
    field, samples = FIELD(data), FIELD(data).on(GRID)
    expected = psnr(samples, field, OTHER)
    with emulated_device(double=False) as device:
        assert psnr(samples.to(device), field.to(torch.float64), OTHER) == pytest.approx(expected, abs=1e-3)
        assert psnr(samples, field.to(device), OTHER) == pytest.approx(expected, abs=1e-3)
