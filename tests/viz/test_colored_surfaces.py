import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.display.colors import DIVERGING, SEQUENTIAL
from tg_molfield.fields import Channel, Grid, MolField, Volume
from tg_molfield.viz import isosurface, plot_colored_surfaces, plot_surfaces
from tg_molfield.viz.meshes import is_open


@pytest.fixture(scope="module")
def molecule():
    pos = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]], dtype=torch.float64)
    charge = torch.tensor([-0.834, 0.417, 0.417], dtype=torch.float64)
    return Data(z=torch.tensor([8, 1, 1]), pos=pos, partial_charge=charge)


@pytest.fixture(scope="module")
def grid(molecule):
    return Grid.around(molecule.pos, 0.3, 2.5)


@pytest.fixture(scope="module")
def distance(molecule):
    return MolField.preset("vdw")(molecule)


@pytest.fixture(scope="module")
def potential(molecule):
    return MolField.preset("esp")(molecule)


def surfaces(figure):
    return [trace for trace in figure.data if trace.type == "mesh3d" and trace.intensity is not None]


def points(trace):
    return np.stack([trace.x, trace.y, trace.z], 1).astype(np.float64)


def scale(figure):
    return [color for _, color in figure.layout.coloraxis.colorscale]


def test_colours_are_the_values_of_the_second_field_on_the_surface_of_the_first(distance, potential, grid):
    (trace,) = surfaces(plot_colored_surfaces(distance, potential, grid=grid))
    vertices = torch.from_numpy(points(trace))
    # coordinates are rounded to 0.001 Å, where the potential changes by less than 5 V/Å
    expected = potential(vertices)[:, 0].numpy()
    assert np.abs(trace.intensity - expected).max() < 5e-3
    assert np.ptp(expected) > 1
    # marching cubes is linear between nodes 0.3 Å apart on spheres of at least 1.1 Å
    assert float(distance(vertices).abs().max()) < 0.3**2 / (2 * 1.1)
    assert trace.opacity == 1


def test_a_volume_is_interpolated(distance, potential, grid):
    sampled = potential.on(grid.refined(4))
    (exact,), (trace,) = (surfaces(plot_colored_surfaces(distance, by, grid=grid)) for by in (potential, sampled))
    assert np.abs(trace.intensity - exact.intensity).max() < 0.01


def test_signed_values_are_red_below_and_blue_above_0_in_a_symmetric_range(distance, potential, grid):
    figure = plot_colored_surfaces(distance, potential, grid=grid, color_unit="V")
    axis = figure.layout.coloraxis
    (trace,) = surfaces(figure)
    assert axis.cmax == -axis.cmin == pytest.approx(np.percentile(np.abs(trace.intensity), 98), rel=1e-6)
    assert scale(figure) == list(DIVERGING)
    red, blue = DIVERGING[1], DIVERGING[-2]
    assert int(red[1:3], 16) > int(red[5:], 16)
    assert int(blue[1:3], 16) < int(blue[5:], 16)
    assert axis.colorbar.title.text == "esp (V)"
    assert trace.hovertemplate == "%{intensity:.3~g} V<extra></extra>"


def test_values_that_cannot_be_negative_run_from_0_in_a_sequential_map(molecule, distance, grid):
    figure = plot_colored_surfaces(distance, MolField("O")(molecule), grid=grid)
    assert figure.layout.coloraxis.cmin == 0
    assert scale(figure) == list(SEQUENTIAL)


def test_a_potential_is_signed_also_where_all_of_it_is_positive(grid, distance):
    ion = Data(z=torch.tensor([11]), pos=torch.zeros(1, 3).double(), partial_charge=torch.ones(1).double())
    by = MolField.preset("esp")(ion)
    figure = plot_colored_surfaces(distance, by, grid=grid)
    (trace,) = surfaces(figure)
    assert trace.intensity.min() > 0
    assert scale(figure) == list(DIVERGING)
    charges = MolField([Channel("q", "partial_charge")])(ion)
    assert scale(plot_colored_surfaces(distance, charges, grid=grid)) == list(DIVERGING)
    assert scale(plot_colored_surfaces(distance, by, grid=grid, signed=False)) == list(SEQUENTIAL)


@pytest.mark.parametrize(("below", "colors"), [(2e-4, SEQUENTIAL), (0.01, DIVERGING)])
def test_a_value_below_0_by_rounding_is_no_sign(molecule, distance, grid, below, colors):
    density = MolField("O")(molecule).on(grid.refined(2))
    (trace,) = surfaces(plot_colored_surfaces(distance, density, grid=grid))
    low, high = float(trace.intensity.min()), float(trace.intensity.max())
    shifted = Volume(density.values - low - below * high, density.grid, density.channels)
    figure = plot_colored_surfaces(distance, shifted, grid=grid)
    assert surfaces(figure)[0].intensity.min() < 0
    assert scale(figure) == list(colors)


def test_scenes_share_one_colour_axis(distance, potential, grid):
    fields, colors = {"one": distance, "half": distance}, {"one": potential, "half": 0.5 * potential}
    figure = plot_colored_surfaces(fields, colors, grid=grid)
    one, half = surfaces(figure)
    assert np.allclose(half.intensity, one.intensity / 2, atol=1e-6)
    assert (one.scene, half.scene) == ("scene", "scene2")
    assert {one.coloraxis, half.coloraxis} == {"coloraxis"}
    both = np.concatenate([one.intensity, half.intensity])
    assert figure.layout.coloraxis.cmax == pytest.approx(np.percentile(np.abs(both), 98), rel=1e-6)
    assert (one.showlegend, half.showlegend) == (True, False)
    assert figure.layout.scene.camera == figure.layout.scene2.camera


def test_the_range_can_be_given(distance, potential, grid):
    axis = plot_colored_surfaces(distance, potential, grid=grid, color_range=0.5).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (-0.5, 0.5)
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="color_range: expected a positive, finite number"):
            plot_colored_surfaces(distance, potential, grid=grid, color_range=bad)


def test_values_of_0_everywhere_have_a_colour(distance, potential, grid):
    axis = plot_colored_surfaces(distance, 0.0 * potential, grid=grid).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, 1)


def test_a_signed_surface_has_two_sides(potential, grid):
    first, second = surfaces(plot_colored_surfaces(potential, potential, grid=grid, unit="V"))
    assert first.name.startswith("surface: esp  +")
    assert second.name.startswith("surface: esp  −")
    assert first.intensity.min() > 0 > second.intensity.max()


def test_units_are_those_of_the_definitions(distance, potential, grid):
    figure = plot_colored_surfaces(distance, potential, grid=grid)
    assert figure.layout.coloraxis.colorbar.title.text == "esp (V)"
    assert [one.name for one in surfaces(figure)] == ["surface: all  0 Å"]


def test_the_level_of_a_distance_is_0_by_default(distance, grid):
    names = [trace.name for trace in plot_surfaces(distance, grid=grid).data if trace.legendgroup != "atoms"]
    assert names == ["all  0 Å"]


def test_the_outside_of_a_distance_is_where_it_is_above_the_level(distance, grid):
    volume = distance.on(grid)
    vertices, faces = isosurface(volume, "all", 0.0)
    enclosed = np.linalg.det(vertices[faces] - vertices.mean(0)).sum() / 6
    assert enclosed == pytest.approx(float((volume.values < 0).sum()) * grid.voxel_volume, rel=0.05)


def test_a_surface_cut_off_is_told(molecule, distance, potential):
    tight = Grid.around(molecule.pos, 0.3, 0.9)
    figure = plot_colored_surfaces(distance, potential, grid=tight)
    assert figure.layout.annotations[0].text == "cut off at the border of the grid"
    wide = plot_colored_surfaces(distance, potential, grid=Grid.around(molecule.pos, 0.3, 2.0))
    assert not wide.layout.annotations[0].text
    density = MolField("all")(molecule).on(tight)
    assert is_open(density, "all", 0.01)
    assert not is_open(density, "all", 0.9)


def test_a_field_without_a_surface_says_so(molecule, distance, potential, grid):
    fields = {"a": distance, "b": MolField("all")(molecule)}
    figure = plot_colored_surfaces(fields, potential, grid=grid, level=-0.5)
    assert len(surfaces(figure)) == 1
    assert figure.layout.annotations[1].text == "<b>b</b><br>no surface at this level"


def test_a_thinned_volume_keeps_its_default_level(distance, potential, grid):
    (trace,) = surfaces(plot_colored_surfaces(distance, potential, grid=grid, max_nodes=2000))
    assert trace.name == "surface: all  0 Å"
    assert float(distance(torch.from_numpy(points(trace))).abs().max()) < 0.35


def test_names_are_no_markup(distance, grid, potential):
    by = Volume(potential.on(grid).values, grid, ["<b>$a&b"])
    figure = plot_colored_surfaces(distance, by, grid=grid, color_unit="e")
    assert figure.layout.coloraxis.colorbar.title.text == "&lt;b&gt;$a&amp;b (e)"


def test_errors(molecule, distance, potential, grid):
    by = MolField("H O")(molecule)
    with pytest.raises(ValueError, match="color_channel: expected one of the channels H, O, got none; choose one"):
        plot_colored_surfaces(distance, by, grid=grid)
    with pytest.raises(ValueError, match=r"^channel: expected one of the channels H, O, got none"):
        plot_colored_surfaces(by, potential, grid=grid)
    with pytest.raises(KeyError, match="got 'N'"):
        plot_colored_surfaces(distance, by, grid=grid, color_channel="N")
    with pytest.raises(ValueError, match="grid: expected a grid"):
        plot_colored_surfaces(distance, potential)
    with pytest.raises(ValueError, match="level: expected a value between"):
        plot_colored_surfaces(distance, potential, grid=grid, level=-9.0)
    with pytest.raises(TypeError, match="level: expected a number, got str"):
        plot_colored_surfaces(distance, potential, grid=grid, level="0")
    with pytest.raises(TypeError, match="channel: expected the name of a channel, got list"):
        plot_colored_surfaces(distance, potential, ["all"], grid=grid)
    with pytest.raises(ValueError, match="channel: expected values that differ, got 0 everywhere in 'N'"):
        plot_colored_surfaces(MolField("N")(molecule), potential, grid=grid)
    with pytest.raises(ValueError, match="opacity: expected a number between 0 and 1, got nan"):
        plot_colored_surfaces(distance, potential, grid=grid, opacity=math.nan)
    with pytest.raises(TypeError, match="color_by: expected a Field, got str"):
        plot_colored_surfaces(distance, "esp", grid=grid)
    with pytest.raises(KeyError, match="color_by: expected a field for each of a, b, got none for 'b'"):
        plot_colored_surfaces({"a": distance, "b": distance}, {"a": potential}, grid=grid)


def test_a_volume_that_ends_inside_the_surface_is_refused(molecule, distance, potential, grid):
    small = potential.on(Grid.around(molecule.pos, 0.3, 0.8))
    with pytest.raises(ValueError, match=r"color_by: expected a volume around the whole surface, got \d+ of \d+ vert"):
        plot_colored_surfaces(distance, small, grid=grid)
    # a periodic one has values everywhere
    cell = Volume(small.values, small.grid, small.channels, periodic=True)
    assert surfaces(plot_colored_surfaces(distance, cell, grid=grid))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(distance, potential, grid, bad):
    values = torch.full_like(potential.on(grid).values, bad)
    with pytest.raises(ValueError, match=r"color_by: expected finite values on the surface, got .* in channel 'esp'"):
        plot_colored_surfaces(distance, Volume(values, grid, ["esp"]), grid=grid)
