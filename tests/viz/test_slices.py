import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.text import Text

from tg_molfield.display.colors import INK
from tg_molfield.fields import AtomList, Grid, Volume
from tg_molfield.viz import interactive_surfaces, plot_slices, plot_surfaces, save_figure
from tg_molfield.viz.figures import inline_svg
from tg_molfield.viz.panels import scale_of
from tg_molfield.viz.planes import planes_through


def panels(figure):
    return [axes for axes in figure.axes if axes.get_images() and axes.get_label() != "<colorbar>"]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [axes.get_title() for axes in figure.axes]


def test_rows_are_fields_and_columns_are_channels_that_are_not_empty(volume):
    figure = plot_slices({"truth": volume, "copy": volume}, plane="z", difference=True)
    assert len(panels(figure)) == 3 * 2
    assert [axes.get_title().strip() for axes in figure.axes if axes.get_title()] == ["H", "O"]
    labels = [axes.get_ylabel() for axes in panels(figure)]
    assert [label for label in labels if label] == ["truth\ny (Å)", "copy\ny (Å)", "difference\ny (Å)"]
    assert [axes.get_xlabel() for axes in panels(figure)][-2:] == ["x (Å)", "x (Å)"]
    assert "no difference" in words(figure)


def test_plane_is_where_most_is(volume, water):
    planes = planes_through(volume.grid, "z", None)
    best = planes.best(volume, ("H", "O"))
    assert best["O"] == pytest.approx(0.1, abs=0.21)
    assert best["H"] == pytest.approx(-0.48, abs=0.21)
    assert any(word.startswith("z = ") for word in words(plot_slices(volume, plane="z")))
    assert "mean plane of the atoms" in words(plot_slices(volume))


def test_samples_are_the_field_at_the_place(water, volume):
    planes = planes_through(volume.grid, (0.3, 1.0, -0.5), None)
    values = planes.sample(water, ("O",), np.array([0.2]), resolution=21)[0, 0]
    row, column = (size // 2 for size in values.shape)
    u_low, u_high, v_low, v_high = planes.window
    u = u_low + (column + 0.5) * (u_high - u_low) / values.shape[1]
    v = v_low + (row + 0.5) * (v_high - v_low) / values.shape[0]
    point = torch.tensor(np.array([u, v, 0.2]) @ planes.rows, dtype=torch.float32)
    assert values[row, column] == pytest.approx(float(water(point[None])[0, 1]), abs=1e-5)
    assert np.isnan(values[0, 0])


def test_a_field_needs_a_grid(water, volume):
    with pytest.raises(ValueError, match="grid: expected a grid because no field is a Volume"):
        plot_slices(water)
    assert len(panels(plot_slices(water, grid=volume.grid))) == 2


@pytest.mark.parametrize(
    "axes", [((0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)), ((0, 0.5, 0), (0.3, 0, 0.4), (0.2, 0.1, -0.5))]
)
def test_grid_one_node_thick_is_cut_in_its_own_plane(axes):
    flat = Volume(torch.linspace(0.1, 1, 81).view(1, 9, 9, 1), Grid((0.1, 0.2, 0.3), axes, (9, 9, 1)))
    image = panels(plot_slices(flat))[0].get_images()[0].get_array()
    assert np.ma.count(np.ma.masked_invalid(image)) > 0.5 * image.size


def test_empty_channel_says_so_where_it_is_asked_for(volume):
    assert "empty" in words(plot_slices(volume, channels="S"))


def test_values_that_are_not_finite_are_left_grey(volume):
    nothing = Volume(torch.full_like(volume.values, math.nan), volume.grid, volume.channels)
    assert "no finite values\nin this plane" in words(plot_slices(nothing, channels="O"))


def test_scales():
    assert (scale_of([np.array([0.0, 2.0])]).vmin, scale_of([np.array([0.0, 2.0])]).vmax) == (0.0, 2.0)
    assert scale_of([np.array([-0.5, 2.0, np.nan])]).vmin == -2.0
    assert scale_of([np.array([0.1, 2.0])], signed=True).vmin == -2.0
    assert scale_of([np.zeros(3)]).vmax == 1.0


def test_errors(volume):
    with pytest.raises(ValueError, match=r"position: expected .* got 99"):
        plot_slices(volume, plane="z", position=99)
    with pytest.raises(ValueError, match=r"plane: expected .* got 'w'"):
        plot_slices(volume, plane="w")
    with pytest.raises(ValueError, match="expected atoms for plane='atoms', got none"):
        plot_slices(Volume(volume.values, volume.grid), plane="atoms")
    with pytest.raises(ValueError, match="at least two fields for difference=True"):
        plot_slices(volume, difference=True)
    with pytest.raises(ValueError, match="volumes: expected at least one field, got none"):
        plot_slices({})
    with pytest.raises(TypeError, match=r"volumes\['truth'\]: expected a Field, got Tensor"):
        plot_slices({"truth": volume.values})
    with pytest.raises(KeyError, match="'N'"):
        plot_slices(volume, channels=["N"])


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_saved_by_suffix(volume, tmp_path, suffix, start):
    path = tmp_path / "new" / f"slice{suffix}"
    save_figure(plot_slices(volume, channels="O"), path, dpi=50)
    assert path.read_bytes().startswith(start)
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"expected a figure file \(\.png, \.svg, \.pdf\), got the suffix \.gif"):
        save_figure(plot_slices(volume, channels="O"), tmp_path / "slice.gif")


def test_no_label_is_cut_off(volume):
    fields = {"truth": volume, "a field with rather a long name": volume, "linear": volume}
    figure = plot_slices(fields, difference=True, unit="e/Å³", title="Water")
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01


@pytest.mark.parametrize("letter", ["W", "a ", "long word "])
def test_long_names_and_titles_are_in_lines_apart_from_each_other(volume, letter):
    long = (letter * 90)[:90]
    named = Volume(volume.values[:2], volume.grid, [long, f"{long}2"])
    for fields in (named, named[long], {"a": named, "b": named}, {"a": named[long], 2 * long: named[long]}):
        figure = plot_slices(fields, title=long)
        renderer = figure.canvas.get_renderer()
        box = figure.get_tightbbox(renderer)
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01
        boxes = [axes.title.get_window_extent(renderer) for axes in panels(figure) if axes.get_title()]
        assert all(one.x1 < other.x0 for one, other in pairwise(sorted(boxes, key=lambda box: box.x0)))
        assert all(box.y1 < figure._suptitle.get_window_extent(renderer).y0 for box in boxes)
        assert panels(figure)[0].get_window_extent().height > 0.6 * figure.dpi


def test_styles_draw_no_lines_over_pictures_and_powers_are_as_small_as_ticks(volume):
    with matplotlib.rc_context({"axes.grid": True, "grid.color": "red"}):
        figure = plot_slices(volume * 1e-12, "O")
        figure.canvas.draw()
    (axes,) = panels(figure)
    assert not any(line.get_visible() for line in axes.get_xgridlines() + axes.get_ygridlines())
    bar = next(axes for axes in figure.axes if axes.get_label() == "<colorbar>")
    power = bar.yaxis.get_offset_text()
    assert (power.get_text(), power.get_size(), power.get_color()) == ("1e\N{MINUS SIGN}13", 7, INK)


@pytest.mark.parametrize("factor", [1e-300, 1e300])
def test_the_best_plane_does_not_depend_on_the_unit(volume, factor):
    scaled = Volume(volume.values.double() * factor, volume.grid, volume.channels, atoms=volume.atoms)
    labels = [panels(plot_slices(one, "H", plane="y"))[0].texts[0].get_text() for one in (volume, scaled)]
    assert labels[0] == labels[1]


@pytest.mark.parametrize("peaks", [(1.7, 0.35, 0.35, 3.3), (0.35, 1.0, 0.02)])
def test_the_borders_of_a_wide_figure_are_empty(peaks):
    shape = (90, 60, 117)
    x, y, z = (torch.linspace(-1, 1, count) for count in shape)
    values = torch.exp(-4 * (x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)) * torch.tensor(peaks)[:, None, None, None]
    grid = Grid((-4.0, -6.0, -5.5), ((0.25, 0, 0), (0, 0.25, 0), (0, 0, 0.25)), shape)
    figure = plot_slices(Volume(values, grid, list("CNOS")[: len(peaks)]))
    figure.set_dpi(100)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert (picture[[0, -1]] > 250).all()
    assert (picture[:, [0, -1]] > 250).all()


@pytest.mark.parametrize("name", [r"$\frac$", "$x$", "cost $5", "a_b^c {d} \\alpha", "<b>&amp;</b>"])
def test_names_are_no_formulas(volume, tmp_path, name):
    named = Volume(volume.values[:1], volume.grid, [name])
    figure = plot_slices({f"{name} 1": named, f"{name} 2": named}, difference=True, title=name)
    texts = [text.get_text() for text in figure.findobj(Text) if name[:4] in text.get_text()]
    assert {text.split("\n")[0] for text in texts} >= {name, f"{name} 1"}
    save_figure(figure, tmp_path / "a.svg")


def test_each_row_shows_the_atoms_of_its_field(volume):
    other = volume.with_atoms(AtomList(torch.tensor([7]), torch.zeros(1, 3)))
    bare = Volume(volume.values, volume.grid, volume.channels)
    fields = {"water": volume, "other": other, "bare": bare}
    figure = plot_slices(fields, "O", plane="x", position=0.0, difference=True)
    symbols = [
        "".join(sorted(text.get_text() for text in axes.texts if text.get_text() in "HNO")) for axes in panels(figure)
    ]
    assert symbols == ["HHO", "N", "HHO", "HHO", "HHO"]
    given = plot_slices(fields, "O", plane="x", position=0.0, atoms=other.atoms)
    assert all("N" in {text.get_text() for text in axes.texts} for axes in panels(given))
    scenes = plot_surfaces(fields, "O").data
    atoms = {trace.scene: trace.text[0] for trace in scenes if trace.text is not None}
    assert atoms == {"scene": "O 0", "scene2": "N 0", "scene3": "O 0"}


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 1), (4, 1, 5)])
def test_grids_of_few_nodes_are_shown(shape):
    grid = Grid((0.0, 0.0, 0.0), ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5)), shape)
    (axes,) = panels(plot_slices(Volume(torch.ones(1, *shape), grid, ["a"])))
    assert np.isfinite(axes.get_images()[0].get_array()).any()


def test_fields_without_channels_are_refused():
    none = Volume(torch.ones(0, 4, 4, 4), Grid.cube((0, 0, 0), 3, 4), ())
    for draw in (plot_slices, plot_surfaces, interactive_surfaces):
        with pytest.raises(ValueError, match="channels: expected at least one channel to show, got none"):
            draw(none)


def test_threads_write_the_same_figures_and_leave_the_parameters_of_matplotlib(volume):
    before = matplotlib.rcParams["svg.hashsalt"]
    figures = [plot_slices(volume, "O", title=str(number)) for number in range(12)]
    alone = [inline_svg(figure, "a") for figure in figures]
    for _ in range(3):
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(inline_svg, figures, "a" * 12)) == alone
        assert matplotlib.rcParams["svg.hashsalt"] == before
