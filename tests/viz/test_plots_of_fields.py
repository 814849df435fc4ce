import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch_geometric.data import Data

from tg_molfield.display.backend import BACKEND, PICTURES, backend
from tg_molfield.fields import AtomList, Grid, MolField, Volume
from tg_molfield.viz import plot_projections, plot_surfaces, save_figure
from tg_molfield.viz.planes import planes_through
from tg_molfield.viz.projections import _projected

WATER = AtomList(torch.tensor([8, 1, 1]), torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.48], [0, -0.76, -0.48]]))


@pytest.fixture(scope="module")
def two_peaks():
    """A volume with 2 at one node and −3 behind it along z."""
    values = torch.zeros(1, 5, 6, 7)
    values[0, 2, 3, 1] = 2.0
    values[0, 2, 3, 5] = -3.0
    return Volume(values, Grid((0.0, 0, 0), ((1.0, 0, 0), (0, 1, 0), (0, 0, 1)), (5, 6, 7)), ("f",))


def labels(figure):
    return {text.get_text() for axis in figure.axes for text in axis.texts} | {
        axis.get_ylabel() for axis in figure.axes
    }


def test_projections_are_the_largest_values_and_integrals(two_peaks):
    planes = planes_through(two_peaks.grid, "z", None)
    maximum = _projected(two_peaks, ("f",), planes, "maximum")[0]
    integral = _projected(two_peaks, ("f",), planes, "integral")[0]
    assert maximum.min() == pytest.approx(-3, rel=0.05)
    assert integral.min() == pytest.approx(-1, rel=0.05)
    assert maximum.max() <= 1e-9
    row, column = np.unravel_index(np.nanargmin(maximum), maximum.shape)
    assert column / maximum.shape[1] == pytest.approx(2 / 4, abs=0.02)
    assert row / maximum.shape[0] == pytest.approx(3 / 5, abs=0.02)


@pytest.mark.parametrize("plane", ["z", "atoms", (1, 1, 0), (1, 2, 3)])
def test_integrals_are_over_the_whole_grid(plane):
    ones = Volume(torch.ones(1, 41, 41, 41, dtype=torch.float64), Grid.cube((0, 0, 0), 20, 41), ("a",))
    planes = planes_through(ones.grid, plane, WATER)
    integral = _projected(ones, ("a",), planes, "integral")[0]
    rows, columns = integral.shape
    u_low, u_high, v_low, v_high = planes.window
    across = u_low + (columns // 2 + 0.5) / columns * (u_high - u_low)
    along = v_low + (rows // 2 + 0.5) / rows * (v_high - v_low)
    through = planes.origin + np.array([across, along, 0]) @ planes.rows
    ends = np.sort([(end - through) / (planes.rows[2] + 1e-12) for end in (-10, 10)], axis=0)
    assert integral[rows // 2, columns // 2] == pytest.approx(ends[1].min() - ends[0].max(), abs=1e-6)


@pytest.mark.parametrize("plane", [None, "x", "y", (1, 2, 3), "atoms"])
def test_integrals_of_a_sheared_crystal_add_up_to_its_content(plane):
    cell = torch.tensor([[[5.0, 0, 0], [2.2, 4.4, 0], [-1.3, 1.1, 6]]])
    pos = torch.tensor([[0.1, 0.2, 0.3], [2.0, 1, 4], [3.0, 3, 1]])
    data = Data(z=torch.tensor([6, 1, 8]), pos=pos, cell=cell, pbc=torch.ones(1, 3, dtype=torch.bool))
    crystal = MolField("C H O", widths=0.7)(data).on(Grid.of(data, 0.35))
    planes = planes_through(crystal.grid, plane, crystal.atoms, crystal.periodic)
    integral = _projected(crystal, crystal.channels, planes, "integral")
    u_low, u_high, v_low, v_high = planes.window
    found = np.nansum(integral, (1, 2)) * (u_high - u_low) * (v_high - v_low) / integral[0].size
    # pixels of 0.1 Å at the border of the cell, where the carbon is, are in it or not
    assert found == pytest.approx(crystal.values.sum((1, 2, 3)).numpy() * crystal.grid.voxel_volume, rel=0.01)


def test_the_integral_of_one_layer_is_over_its_step():
    layer = Volume(torch.ones(1, 5, 5, 1), Grid((0, 0, 2.0), ((1, 0, 0), (0, 1, 0), (0, 0, 0.3)), (5, 5, 1)), ("a",))
    found = _projected(layer, ("a",), planes_through(layer.grid, None, None), "integral")
    assert found == pytest.approx(0.3)


def test_projections_of_values_that_are_not_finite(two_peaks):
    values = two_peaks.values.clone()
    values[0, 0, 0, 2], values[0, 2, 3, 5], values[0, 4, 5] = torch.nan, torch.inf, torch.nan
    broken = Volume(values, two_peaks.grid, ("f",))
    planes = planes_through(broken.grid, "z", None)
    maximum, integral = (_projected(broken, ("f",), planes, how)[0] for how in ("maximum", "integral"))
    assert np.nanmax(maximum) == pytest.approx(2, rel=0.05), "behind infinite values are finite ones"
    assert np.nanmax(np.abs(maximum)) < 2.1
    rows, columns = maximum.shape
    at = (round(3 / 5 * rows), round(2 / 4 * columns))
    assert np.isnan(integral[at])
    assert np.isfinite(maximum[0, 0])
    assert np.isnan(integral[0, 0])
    assert np.isnan(maximum[-1, -1])
    assert np.isfinite(integral[rows // 2, columns - 1])


def test_many_atoms_leave_the_field_in_view(two_peaks):
    pos = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([4.0, 5.0, 6.0])
    crowd = two_peaks.with_atoms(AtomList(torch.full((5000,), 8), pos))
    figure = plot_projections(crowd, plane="z")
    figure.set_dpi(200)
    figure.canvas.draw()
    box = figure.axes[0].get_window_extent()
    seen = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3].astype(int)
    seen = seen[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    red = (seen[..., 0] - seen[..., 1:].max(-1) > 60).mean()
    assert 0.005 < red < 0.2, "of oxygens, of which the field is white"


def test_projections_name_what_they_are(two_peaks):
    figure = plot_projections(two_peaks, plane="z", how="integral", unit="V")
    assert {"integral along z", "V·Å"} <= labels(figure)
    with pytest.raises(ValueError, match="how: expected one of maximum, integral, got 'mean'"):
        plot_projections(two_peaks, how="mean")


def test_the_unit_comes_from_the_definition():
    density = MolField.preset("promolecule")(_data())
    assert "e/Å³" in labels(density.plot())
    assert "e/Å³·Å" in labels(density.plot("projections", how="integral"))
    assert "e/bohr³" in labels(density.plot(unit="e/bohr³"))


@pytest.mark.parametrize("channels", ["O", "H O", "H C N O", "H C N O F P S Cl Br"])
def test_nothing_of_a_plot_lies_outside_of_it(channels):
    figure = MolField(channels)(_data()).plot(title="water")
    box, (width, height) = figure.get_tightbbox(figure.canvas.get_renderer()), figure.get_size_inches()
    assert min(box.x0, box.y0) >= 0
    assert box.x1 <= width
    assert box.y1 <= height


def test_a_field_is_plotted_around_its_atoms():
    figure = MolField("O H")(_data()).plot(title="water")
    (low, high) = figure.axes[0].get_xlim()
    assert high - low == pytest.approx(1.52 + 6, abs=0.6)
    assert figure.get_suptitle() == "water"
    assert np.isfinite(figure.axes[0].images[0].get_array()).all(), "no corner is outside the grid"
    along_x = MolField("O H")(_data()).plot(plane="x")
    assert along_x.axes[0].get_xlabel() == "y (Å)"
    with pytest.raises(ValueError, match="grid: expected a grid because the field has no atoms"):
        MolField("O H")(_data()).with_atoms(None).plot()
    with pytest.raises(ValueError, match="kind: expected one of slices, projections, got 'movie'"):
        MolField("O H")(_data()).plot("movie")


def test_notebooks_show_figures_without_pyplot(two_peaks):
    seen = imread(BytesIO(two_peaks.plot(plane="z")._repr_png_()))
    assert seen.shape[0] > 200
    assert seen[..., :3].std() > 0.05
    assert "matplotlib.pyplot" not in _modules("field.plot()")


def test_volumes_are_saved_as_pictures_and_pages(two_peaks, tmp_path):
    for suffix in (".png", ".svg", ".pdf"):
        path = tmp_path / f"x{suffix}"
        assert two_peaks.save(path) == [path]
        assert path.stat().st_size > 1000
    path = tmp_path / "new" / "peaks.html"
    assert two_peaks.save(str(path)) == [path]
    html = path.read_text()
    assert "<h1>peaks</h1>" in html
    assert html.count('class="plot"') == 1
    assert html.count("<svg") == 1
    assert "5×6×7 nodes, steps of 1 Å." in html


def test_a_volume_one_node_thick_is_saved_without_surfaces(tmp_path):
    flat = Volume(torch.rand(1, 5, 5, 1), Grid((0.0, 0, 0), ((1.0, 0, 0), (0, 1, 0), (0, 0, 1)), (5, 5, 1)))
    flat.save(tmp_path / "flat.html")
    assert 'class="plot"' not in (tmp_path / "flat.html").read_text()


def test_signed_fields_are_red_below_0_in_slices_and_surfaces_alike(two_peaks):
    below, above = sorted(
        (trace for trace in plot_surfaces(two_peaks).data if trace.type == "mesh3d"),
        key=lambda trace: "+" in trace.name,
    )
    assert "−" in below.name
    for trace, strong, weak in ((below, 1, 5), (above, 5, 1)):
        assert int(trace.color[strong : strong + 2], 16) > 1.5 * int(trace.color[weak : weak + 2], 16)
    (image,) = two_peaks.plot(plane="z", position=5.0).axes[0].images
    red, _, blue, _ = image.to_rgba(np.array([[-3.0]]))[0, 0]
    assert red > 2 * blue


def test_the_backend_is_what_the_fields_expect():
    assert backend().__name__ == BACKEND
    assert callable(backend().plot_field)
    assert callable(backend().save_volume)
    assert set(PICTURES) >= {".png", ".html"}
    assert "tg_molfield.viz" not in _modules("field")


def test_notebooks_that_are_run_without_a_window_hold_pictures():
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    cells = [_SETUP, "field", "field.plot('projections')", "field.show()", "field.show('1')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    card, figure, first, second = (cell["outputs"][-1]["data"] for cell in notebook.cells[1:])
    assert "<strong>RBFField</strong>" in card["text/html"]
    assert "image/png" in figure
    assert first["text/plain"].startswith("RBFField")
    assert 1_000_000 < len(first["text/html"]) < 3_000_000
    assert len(second["text/html"]) < 300_000


_SETUP = """
import torch
from tg_molfield.fields import AtomList, MolField, RBFField
pos = torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.48], [0, -0.76, -0.48]])
field = RBFField(pos, torch.eye(3), 0.6, atoms=AtomList(torch.tensor([8, 1, 1]), pos))
"""


def _modules(code):
    """What is imported by the code after a field was made."""
    script = f"import warnings; warnings.simplefilter('ignore'){_SETUP}\n{code}\nimport sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout


def _data():
    return Data(z=WATER.z, pos=WATER.pos)


def test_projections_can_be_saved(two_peaks, tmp_path):
    save_figure(plot_projections({"one": two_peaks, "half": two_peaks * 0.5}), tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
