import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.chem.elements import symbols
from tg_molfield.display.colors import channel_color
from tg_molfield.fields import Grid, MolField, RBFField, Volume
from tg_molfield.structures import read_complex
from tg_molfield.viz import interactive_surfaces, isosurface, plot_surfaces
from tg_molfield.viz.levels import surface_levels
from tg_molfield.viz.thinning import thinned

CENTER = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64)
SIGMA, LEVEL = 1.0, 0.4
AXES = {
    "orthogonal": ((0.2, 0.0, 0.0), (0.0, 0.25, 0.0), (0.0, 0.0, 0.3)),
    "sheared": ((0.2, 0.0, 0.0), (0.08, 0.2, 0.0), (0.05, -0.06, 0.2)),
    "left-handed": ((-0.2, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.05, 0.2)),
}


def ball_volume(axes, sign=1.0):
    shape = (34, 34, 34)
    steps = torch.tensor(axes, dtype=torch.float64)
    origin = CENTER[0] - 16.5 * steps.sum(0)
    field = RBFField(CENTER, torch.tensor([[sign]], dtype=torch.float64), SIGMA, channels=("C",))
    return field.on(Grid(tuple(origin.tolist()), axes, shape))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
def test_surface_of_a_gaussian_is_its_sphere_with_the_outside_out(axes, sign):
    vertices, faces = isosurface(ball_volume(axes, sign), "C", sign * LEVEL)
    radius = SIGMA * math.sqrt(-2 * math.log(LEVEL))
    center = CENTER[0].numpy()
    assert np.abs(np.linalg.norm(vertices - center, axis=1) - radius).max() < 0.01
    assert np.abs(vertices.mean(0) - center).max() < 0.02
    enclosed = np.linalg.det(vertices[faces] - center).sum() / 6
    assert enclosed == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.02)


@pytest.mark.parametrize(("factor", "offset"), [(1e-46, 0.0), (1e250, 0.0), (1e-6, 5.0)])
def test_surfaces_do_not_depend_on_the_unit_of_the_values(factor, offset):
    ball = ball_volume(AXES["sheared"])
    expected, faces = isosurface(ball, "C", LEVEL)
    other = Volume(ball.values * factor + offset, ball.grid, ball.channels)
    vertices, same = isosurface(other, "C", LEVEL * factor + offset)
    assert (same == faces).all()
    # values near 5 are known to 1e-15, so those of a range of 1e-6 to 1e-9 of it
    assert np.abs(vertices - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("low", "high", "level", "label"),
    [(-4.0, -3.0, -3.3, "a  −3.3"), (3.0, 4.0, 3.3, "a  3.3"), (-7.001, -7.0, -7.0003, "a  −7.0003")],
)
def test_values_far_from_0_have_a_surface_and_enough_digits(low, high, level, label):
    ramp = torch.linspace(low, high, 64, dtype=torch.float64).reshape(1, 4, 4, 4)
    far = Volume(ramp, Grid.cube((0, 0, 0), 3, 4), ["a"])
    assert surface_levels(far, "a", None) == pytest.approx((level,))
    (trace,) = surfaces(plot_surfaces(far))
    assert trace.name == label


def test_a_level_outside_the_range_names_the_range(volume):
    with pytest.raises(ValueError, match=r"level: expected a value between .* and 0\.8.* for channel 'O', got 7"):
        isosurface(volume, "O", 7)
    with pytest.raises(ValueError, match=r"level: expected .* got 7"):
        plot_surfaces(volume, channels="O", levels={"O": 7})


def test_densities_with_cusps_are_shown_where_half_of_them_is():
    grid = Grid.cube((0.0, 0.0, 0.0), 8.0, 41)
    radius = grid.points().norm(dim=1)
    density = (300 * torch.exp(-12 * radius) + 3 * torch.exp(-1.5 * radius)).view(1, *grid.shape)
    (level,) = surface_levels(Volume(density, grid), "0", None)
    assert float(density[density > level].sum()) == pytest.approx(float(density.sum()) / 2, rel=0.01)
    assert level < 0.02 * float(density.max())

    carbon = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))
    promolecule = MolField.preset("promolecule")(carbon).on(grid)
    (level,) = surface_levels(promolecule, "all", None)
    assert float(promolecule.values[promolecule.values > level].sum()) == pytest.approx(
        float(promolecule.values.sum()) / 2, rel=0.1
    )

    noisy = Volume(density - 0.06 * density.max(), grid)
    assert surface_levels(noisy, "0", None)[0] == pytest.approx(0.3 * float(noisy.values.max()))
    smooth = Volume(torch.exp(-0.5 * radius.square()).view(1, *grid.shape), grid)
    assert surface_levels(smooth, "0", None) == pytest.approx((0.3,))


def test_a_grid_one_node_thick_has_no_surface():
    flat = Volume(torch.linspace(0, 1, 16).view(1, 4, 4, 1), Grid((0, 0, 0), AXES["orthogonal"], (4, 4, 1)))
    with pytest.raises(ValueError, match=r"at least 2 nodes per axis for a surface, got 4×4×1"):
        isosurface(flat, "0", 0.5)


def test_values_that_are_not_finite_are_refused(volume):
    values = volume.values.clone()
    values[0, 0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="expected finite values in channel 'H', got 1"):
        plot_surfaces(Volume(values, volume.grid, volume.channels), channels="H")


def test_only_the_named_channels_are_visible_at_first(volume):
    figure = plot_surfaces(volume, visible="O")
    shown = {trace.name.split()[0]: trace.visible for trace in figure.data if trace.name != "atoms"}
    assert shown["O"] is True
    assert set(shown) > {"O"}
    assert {state for name, state in shown.items() if name != "O"} == {"legendonly"}


def test_unknown_channel(volume):
    with pytest.raises(KeyError, match=r"channels: expected some of .* got 'N'"):
        plot_surfaces(volume, channels="N")


def test_thinning_keeps_the_space(volume):
    thin = thinned(volume, 500)
    assert thin.grid.num_nodes <= 500
    corner = [volume.grid.points()[-1], thin.grid.points()[-1]]
    torch.testing.assert_close(*corner, atol=1e-5, rtol=0)


def surfaces(figure):
    return [trace for trace in figure.data if trace.type == "mesh3d" and trace.legendgroup != "atoms"]


def test_one_scene_a_field_and_one_legend_entry_a_channel(volume):
    figure = plot_surfaces({"truth": volume, "copy": volume})
    assert [(trace.name[0], trace.scene, trace.showlegend) for trace in surfaces(figure)] == [
        ("H", "scene", True),
        ("O", "scene", True),
        ("H", "scene2", False),
        ("O", "scene2", False),
    ]
    assert figure.layout.scene.xaxis.range == figure.layout.scene2.xaxis.range
    assert {text for trace in figure.data if trace.text is not None for text in trace.text} == {"O 0", "H 1", "H 2"}


def test_signed_channel_has_two_colours(volume):
    signed = Volume(volume.values[:1] - volume.values[1:2], volume.grid, ["charge"])
    first, second = surfaces(plot_surfaces(signed))
    assert first.color != second.color
    assert (first.name[:9], second.name[:9]) == ("charge  +", "charge  −")


def test_empty_field_says_so(volume):
    figure = plot_surfaces(Volume(torch.zeros_like(volume.values), volume.grid, volume.channels))
    assert not surfaces(figure)
    assert figure.layout.annotations[0].text == "no surface at this level: H, O, S"


def test_names_are_no_markup_and_levels_have_their_unit(volume):
    signed = Volume(volume.values[:1] - volume.values[1:2], volume.grid, ["<b>$a&b"])
    (trace,) = surfaces(plot_surfaces(signed, levels=0.2, unit="e/Å³"))
    assert trace.name == "&lt;b&gt;$a&amp;b  0.2 e/Å³"


def test_a_protein_is_a_ribbon_and_its_ligand_balls_and_sticks(data_dir):
    data = read_complex(data_dir / "complexes/1iep_protein.pdb.gz", data_dir / "complexes/1iep_ligand.sdf")
    ligand = data.pos[data.part == 0]
    volume = MolField("C O", split_parts=True)(data).on(Grid.around(ligand, 1.0, 3.0))
    figure = plot_surfaces(volume)
    shown = {trace.name: trace for trace in figure.data if trace.showlegend}
    colors = [shown[name].color for name in shown if name.startswith(("ligand.C ", "protein.C "))]
    assert colors[0] != colors[1]
    assert [(name, trace.visible) for name, trace in shown.items() if "." not in name] == [
        ("protein", None),
        ("ligands and ions", None),
        ("atoms of protein", "legendonly"),
    ]
    path = np.stack([shown["protein"].x, shown["protein"].y, shown["protein"].z], 1)
    is_alpha = data.z == 6
    assert max(np.linalg.norm(data.pos[is_alpha].numpy() - point, axis=1).min() for point in path[::97]) < 2.5
    drawn = [trace for trace in figure.data if trace.legendgroup == "ligands and ions" and trace.text is not None]
    assert {text for trace in drawn for text in trace.text} == {
        f"{symbols()[z]} {index}" for index, z in enumerate(data.z[data.part == 0].tolist())
    }
    (low, high), reach = figure.layout.scene.xaxis.range, float((ligand.max(0)[0] - ligand.min(0)[0]).norm())
    assert high - low < reach + 20, "the camera looks at the grid"


def test_channels_of_a_preset_can_be_told_apart():
    names = MolField.preset("mnf").channels
    assert "other" in names
    colors = [
        np.array([int(channel_color(name, number)[place : place + 2], 16) for place in (1, 3, 5)])
        for number, name in enumerate(names)
    ]
    for first, second in combinations(colors, 2):
        assert np.abs(first - second).sum() > 60


def test_channels_of_a_ligand_and_a_protein_differ_in_lightness():
    for name in ("C", "N", "O", "S"):
        pair = [
            [int(channel_color(f"{part}.{name}", 0)[place : place + 2], 16) for place in (1, 3, 5)]
            for part in ("ligand", "protein")
        ]
        ligand, protein = (0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in pair)
        assert protein - ligand > 15


def test_interactive_surfaces_take_fields_and_tell_where_they_are_coarse(water, volume):
    whole = interactive_surfaces({"truth": volume, "field": water}, difference=True)
    assert whole.note == ""
    assert [scene["shape"] for scene in whole.live["scenes"]] == [list(volume.grid.shape)] * 2
    assert len(whole.samples) == 2 * 2 * 2 * volume.grid.num_nodes, "half precision, two channels, two fields"
    fine = water.on(Grid.around(water.centers, spacing=0.2, margin=2.5))
    coarse = interactive_surfaces(fine, max_values=30_000)
    assert len(coarse.samples) <= 60_000
    assert coarse.note == " Surfaces are made from samples every 0.25 Å."
    for arguments in ({"max_values": 0}, {"difference": True}, {"levels": 9.0}):
        with pytest.raises(ValueError, match="expected"):
            interactive_surfaces(volume, **arguments)


@pytest.mark.parametrize(
    ("values", "level", "expected"),
    [
        ((0.0, 1.0), None, (0.005, 0.95, True)),
        ((0.0, 1.0), 0.001, (0.001, 0.95, True)),
        ((-1.0, 0.5), None, (0.005, 0.95, True)),
        ((-1.0, 0.5), -0.2, (-0.97, 0.47, False)),
        ((5.0, 6.0), None, (5.02, 5.98, False)),
        ((0.0, 0.0), None, (0.0, 1.0, False)),
        ((5.0, 5.0), None, (0.025, 4.75, True)),
    ],
)
def test_sliders_offer_the_levels_around_the_first(values, level, expected):
    ramp = torch.linspace(*values, 64).reshape(1, 4, 4, 4)
    volume = Volume(ramp, Grid.cube((0, 0, 0), 3, 4), ["a"])
    (channel,) = interactive_surfaces(volume, levels=level).live["channels"]
    assert (channel["least"], channel["most"], channel["logarithmic"]) == pytest.approx(expected)
    assert channel["least"] <= channel["level"] <= channel["most"]
