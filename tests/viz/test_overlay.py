import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.fields import AtomList, Channel, Grid, MolField, RBFField
from tg_molfield.structures import from_smiles
from tg_molfield.viz import Page, plot_overlay
from tg_molfield.viz.sticks import without_carbon_hydrogens

LONG = "CC(C)Cc1ccc(cc1)C(C)C(=O)NCCN1CCN(CC1)c1ccccc1OC"


@pytest.fixture(scope="module")
def ethanol():
    return from_smiles("CCO")


@pytest.fixture(scope="module")
def moved(ethanol):
    data = ethanol.clone()
    data.pos = data.pos + torch.tensor([1.0, 0.0, 0.0])
    return data


def meshes(figure):
    return [trace for trace in figure.data if trace.type == "mesh3d"]


def points(trace):
    return np.stack([trace.x, trace.y, trace.z], 1).astype(np.float64)


def test_each_molecule_has_its_colour_and_its_surface(ethanol, moved):
    by = MolField("all")
    figure = plot_overlay(ethanol, moved, (by(ethanol), by(moved)), level=0.2, names=("query", "hit"))
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["query", "hit", "query: all  0.2", "hit: all  0.2"]
    alike = plot_overlay(ethanol, moved, (by(ethanol), by(moved)), level=0.2, names=("ethanol", "ethanol"))
    assert len({trace.legendgroup for trace in alike.data if trace.showlegend is not False}) == 4
    dots = [trace for trace in figure.data if trace.type == "scatter3d" and trace.mode == "markers"]
    # two carbons, the oxygen and its hydrogen of each
    assert [list(trace.text) for trace in dots] == [
        [f"{symbol} · {name}" for symbol in "CCOH"] for name in ("query", "hit")
    ]
    first, second = (trace.marker.color for trace in dots)
    assert first[0] != second[0]
    assert first[2:] == second[2:]
    query, hit = meshes(figure)
    assert (query.color, hit.color) == (first[0], second[0])
    shift = (points(hit).max(0) + points(hit).min(0) - points(query).max(0) - points(query).min(0)) / 2
    assert np.allclose(shift, [1, 0, 0], atol=0.02)
    values = by(ethanol)(torch.from_numpy(points(query)).float())
    assert float((values - 0.2).abs().max()) < 0.05


def test_without_fields_there_are_no_surfaces(ethanol, moved):
    figure = plot_overlay(AtomList(ethanol.z, ethanol.pos), moved, hydrogens=True)
    assert not meshes(figure)
    assert sum(len(trace.x) for trace in figure.data if trace.mode == "markers") == 18


def test_halves_of_bonds_have_the_colours_of_their_atoms():
    atoms = AtomList(torch.tensor([6, 8]), torch.tensor([[0.0, 0, 0], [1.2, 0, 0]]))
    lines = next(trace for trace in plot_overlay(atoms, atoms).data if trace.mode == "lines")
    carbon, oxygen = lines.line.color[0], lines.line.color[3]
    assert list(lines.line.color[:4]) == [carbon, carbon, oxygen, oxygen]
    assert carbon != oxygen
    assert np.allclose(lines.x[:4], [0, 0.6, 0.6, 1.2])


@pytest.mark.parametrize(
    ("z", "pos", "kept"),
    [
        ([1], [[0.0, 0, 0]], 1),
        ([1, 1], [[0.0, 0, 0], [0.74, 0, 0]], 2),
        ([6, 1], [[0.0, 0, 0], [1.09, 0, 0]], 1),
        ([8, 1], [[0.0, 0, 0], [0.96, 0, 0]], 2),
        ([0, 1], [[0.0, 0, 0], [0.96, 0, 0]], 2),
    ],
    ids=["H", "H2", "CH", "OH", "dummy"],
)
def test_only_hydrogens_of_carbons_are_left_out(z, pos, kept):
    atoms = AtomList(torch.tensor(z), torch.tensor(pos))
    assert len(without_carbon_hydrogens(atoms).z) == kept
    assert plot_overlay(atoms, atoms).data


def test_a_page_of_20_overlays_stays_below_5_megabytes():
    data = from_smiles(LONG)
    field = MolField("all")(data)
    figure = plot_overlay(data, data, (field, field), level=0.3)
    assert all(1000 < len(trace.x) <= 1600 for trace in meshes(figure))
    empty, one = len(Page("a").figure(plot_overlay(data, data)).html()), len(Page("a").figure(figure).html())
    assert empty + 20 * (one - empty) < 4.6e6
    for trace in meshes(figure):
        assert float((field(torch.from_numpy(points(trace)).float()) - 0.3).abs().max()) < 0.1


def test_signed_fields_have_two_sides_each(ethanol, moved):
    weights = torch.where(ethanol.z == 8, -1.0, 1.0)[:, None]
    fields = [RBFField(data.pos, weights, 0.6, channels=("q",)) for data in (ethanol, moved)]
    traces = meshes(plot_overlay(ethanol, moved, tuple(fields)))
    assert len({trace.color for trace in traces}) == 4
    assert [trace.name[:10] for trace in traces] == ["fixed: q  ", "fixed: q  ", "mobile: q ", "mobile: q "]


def test_molecules_far_apart_are_sampled_each_in_its_own_box(ethanol):
    far = Data(z=ethanol.z, pos=ethanol.pos + 500)
    by = MolField("all")
    assert len(meshes(plot_overlay(ethanol, far, (by(ethanol), by(far))))) == 2


def test_what_is_missing_is_told(ethanol, moved):
    by = MolField([Channel("O", "O")])
    methane = from_smiles("C")
    figure = plot_overlay(ethanol, methane, (by(ethanol), by(methane)), names=("a", "<b>"))
    assert figure.layout.annotations[0].text == "&lt;b&gt;: no surface at this level"
    tight = Grid.around(ethanol.pos, 0.4, 0.2)
    figure = plot_overlay(ethanol, ethanol, (MolField("all")(ethanol),) * 2, grid=tight)
    words = figure.layout.annotations[0].text.replace("<br>", " ")
    assert words == "fixed: cut off at the border of the grid; mobile: cut off at the border of the grid"


def test_errors(ethanol, moved):
    by = MolField("C O")
    pair = by(ethanol), by(moved)
    with pytest.raises(ValueError, match=r"^channel: expected one of the channels C, O, got none"):
        plot_overlay(ethanol, moved, pair)
    with pytest.raises(KeyError, match="got 'N'"):
        plot_overlay(ethanol, moved, pair, channel="N")
    with pytest.raises(ValueError, match="level: expected a value between"):
        plot_overlay(ethanol, moved, pair, channel="O", level=9)
    with pytest.raises(TypeError, match="fields: expected a pair"):
        plot_overlay(ethanol, moved, pair[0])
    with pytest.raises(TypeError, match=r"fields\['mobile'\]: expected a Field, got str"):
        plot_overlay(ethanol, moved, (pair[0], "O"))
    with pytest.raises(TypeError, match="mobile: expected a molecule with z and pos, got str"):
        plot_overlay(ethanol, "CCO")
    with pytest.raises(ValueError, match="fixed: expected at least one atom, got none"):
        plot_overlay(AtomList(torch.empty(0, dtype=torch.long), torch.empty(0, 3)), moved)
    with pytest.raises(ValueError, match="mobile: expected one molecule, got 2 in a batch"):
        plot_overlay(ethanol, Batch.from_data_list([ethanol, moved]))
    with pytest.raises(ValueError, match="names: expected two, got 1"):
        plot_overlay(ethanol, moved, names=("a",))
    with pytest.raises(ValueError, match="max_vertices: expected at least 1, got 0"):
        plot_overlay(ethanol, moved, max_vertices=0)
    with pytest.raises(ValueError, match="opacity: expected a number between 0 and 1, got 2"):
        plot_overlay(ethanol, moved, pair, channel="O", opacity=2)
