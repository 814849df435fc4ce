import math

import numpy as np
import pytest
import torch

from tg_molfield.fields import Grid, RBFField, Volume
from tg_molfield.viz import isosurface, plot_surfaces
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


def test_a_level_outside_the_range_names_the_range(volume):
    with pytest.raises(ValueError, match=r"level: expected a value between .* and 0\.8.* for channel 'O', got 7"):
        isosurface(volume, "O", 7)
    with pytest.raises(ValueError, match=r"level: expected .* got 7"):
        plot_surfaces(volume, channels="O", levels={"O": 7})


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
