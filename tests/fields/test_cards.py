import re
import zlib
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch_geometric.data import Batch, Data

from tg_molfield.display.card import card
from tg_molfield.display.curve import curve
from tg_molfield.display.thumbnail import thumbnail
from tg_molfield.fields import AtomList, Channel, Grid, MolField, RBFField, Volume
from tg_molfield.fields.units import unit_of

ETHANE = Data(
    z=torch.tensor([6, 6, 1, 1, 1, 1, 1, 1]),
    pos=torch.tensor(
        [[0.76, 0, 0], [-0.76, 0, 0], [1.16, 1.02, 0], [1.16, -0.51, 0.88], [1.16, -0.51, -0.88], [-1.16, -1.02, 0],
         [-1.16, 0.51, 0.88], [-1.16, 0.51, -0.88]]
    ),
)  # fmt: skip


def pixels(html):
    """The pictures of a card, each [rows, columns, 3] from 0 to 255."""
    found = re.findall(r"data:image/png;base64,([\w+/=]+)", html)
    return [np.round(255 * imread(BytesIO(b64decode(one)))[..., :3]).astype(int) for one in found]


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_definition_is_told_in_full():
    told = text(MolField.preset("esp")._repr_html_())
    assert "esp (V)" in told
    assert "erf(u/√2)/u" in told
    assert "z, pos, partial_charge" in told
    assert "all (e/Å³)" in text(MolField.preset("promolecule")._repr_html_())
    assert "signed distance" in text(MolField.preset("vdw")._repr_html_())


@pytest.mark.parametrize(
    ("definition", "unit"),
    [
        (MolField.preset("esp"), "V"),
        (MolField.preset("esp", softening=0.3), "V"),
        (MolField.preset("esp_gaussian"), "V"),
        (MolField.preset("promolecule"), "e/Å³"),
        (MolField.preset("vdw"), "Å"),
        (MolField("all", aggregate="displacement"), "Å"),
        (MolField.preset("mnf"), ""),
        (MolField([Channel("esp", "partial_charge", factor=2.0)], kernel="coulomb", widths=0.5, width_scale=1.0), ""),
        (MolField([Channel("all", factor=2.0)], form_factors=MolField.preset("promolecule").form_factors), ""),
    ],
)
def test_units_of_channels(definition, unit):
    assert {unit_of(definition, name) for name in definition.channels} == {unit}
    assert unit_of(None, "all") == ""


def test_a_grid_is_told_with_units():
    told = text(Grid.from_cell([[4.0, 0, 0], [0, 5, 0], [0, 3, 6]], (8, 10, 12))._repr_html_())
    assert "8×10×12 = 960" in told
    assert "0.5, 0.5, 0.559 Å" in told
    assert "63.43, 90, 90°" in told
    assert "0.125 Å³" in told
    assert "°" not in text(Grid.cube((0, 0, 0), 4.0, 5)._repr_html_())


def test_a_volume_is_pictured_where_its_values_are():
    values = torch.zeros(2, 20, 10, 30)
    values[0, 3, 5, 25] = 2.0
    values[1, 3, 5, 25] = -1.0
    volume = Volume(values, Grid((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (20, 10, 30)), ("peak", "<hole>"))
    html = volume._repr_html_()
    first, second = pixels(html)
    assert first.shape == (30, 20, 3)
    row, column = np.argwhere((first == [253, 231, 37]).all(-1))[0]
    assert (29 - row, column) == (25, 3)
    assert (second[row, column] == [103, 0, 31]).all(), "red below 0"
    assert "&lt;hole&gt; −1" in text(html)
    assert "peak 0 0.00033333 2" in text(html)


def test_values_that_are_not_finite_and_empty_channels():
    values = torch.full((2, 3, 3, 3), torch.nan)
    values[1] = 0
    html = Volume(values, Grid.cube((0, 0, 0), 1.0, 3))._repr_html_()
    assert "not all finite" in html
    assert pixels(html) == []
    assert Volume(values[:0], Grid.cube((0, 0, 0), 1.0, 3), ())._repr_html_()


def test_a_field_is_pictured_on_the_plane_of_its_atoms():
    html = MolField("C H N")(ETHANE)._repr_html_()
    carbon, hydrogen = pixels(html)
    assert html.count("<circle") == 8
    assert "C: 0 to" in html
    assert "N:" not in html
    assert carbon.shape == hydrogen.shape
    assert carbon.max() > 200


def test_every_kind_of_field_has_a_card():
    field = MolField("C H")(ETHANE)
    grid = Grid.around(ETHANE.pos, 1.0)
    distance = MolField.preset("vdw")(ETHANE)
    for one in (field, field["C"], field + 2 * field, distance, distance.on(grid), field.on(grid)["H"]):
        assert "channels" in one._repr_html_() or "channel" in one._repr_html_()
    several = MolField("C H")(Batch.from_data_list([ETHANE, ETHANE]))
    assert "molecules 2" in text(several._repr_html_())
    assert pixels(several._repr_html_()) == []
    empty = RBFField(torch.zeros(0, 3), torch.zeros(0, 1))
    one = RBFField(torch.zeros(1, 3), torch.ones(1, 1), atoms=AtomList(torch.tensor([6]), torch.zeros(1, 3)))
    assert pixels(empty._repr_html_()) == []
    assert len(pixels(one._repr_html_())) == 1


def test_volumes_of_distances_are_pictured_with_the_inside_of_the_surface():
    volume = MolField.preset("vdw")(ETHANE).on(Grid.around(ETHANE.pos, 0.5))
    assert float(volume.values.min()) < -1
    html = volume._repr_html_()
    assert "all: ±" in html
    (seen,) = pixels(html)
    red, _, blue = np.moveaxis(seen, -1, 0)
    middle = tuple(count // 2 for count in red.shape)
    assert red[middle] > blue[middle], "red below 0, as inside"
    assert red[0, 0] < blue[0, 0], "blue above 0, as far away"


def test_pictures_of_large_fields_are_coarse_and_of_huge_ones_left_out():
    large, huge = (RBFField(torch.randn(count, 3) * 20, torch.ones(count, 1)) for count in (10_000, 40_000))
    assert "10,000" in large._repr_html_()
    (seen,) = pixels(large._repr_html_())
    assert max(seen.shape) == 31
    assert "40,000" in huge._repr_html_()
    assert pixels(huge._repr_html_()) == []


def test_large_volumes_are_looked_at_in_part():
    volume = Volume(torch.ones(3, 120, 120, 120), Grid.cube((0, 0, 0), 10.0, 120))
    html = volume._repr_html_()
    assert "least of 1 in 8 nodes" in html
    assert len(html) < 30_000


def test_thumbnails_are_pictures_of_the_size_wanted():
    html = thumbnail(np.arange(6.0).reshape(2, 3), width=60, height=60)
    assert 'width="60" height="40"' in html
    (seen,) = pixels(html)
    assert seen.shape == (2, 3, 3)
    assert (seen[1, 0] == [68, 1, 84]).all(), "the first row is at the bottom, 0 is violet"
    assert thumbnail(np.zeros((0, 3))) == ""
    content = b64decode(re.search(r"base64,([\w+/=]+)", html)[1])
    assert zlib.crc32(content[12:29]) == int.from_bytes(content[29:33], "big")


def test_cards_escape_what_they_show():
    html = card("<b>", {"<i>": "<u>", "none": None, "empty": ""}, table=(["<th>"], [["<td>", -1.5]]))
    assert "&lt;b&gt;" in html
    assert "&lt;i&gt;" in html
    assert "&lt;u&gt;" in html
    assert "&lt;td&gt;" in html
    assert "−1.5" in html
    assert "none" not in html.replace("border:none", "").replace("background:none", "")


def test_curves():
    assert curve([1.0]) == ""
    assert curve([float("nan"), 1.0]) == ""
    points = re.search(r"points='([^']*)'", curve([0.0, 2.0, 1.0], 100, 50))[1]
    assert points == "0.0,50.0 50.0,0.0 100.0,25.0"
    assert len(re.search(r"points='([^']*)'", curve(list(range(100_000))))[1].split()) <= 160
    assert curve([1.0, 0.0, -1.0], logarithmic=True) == ""
    assert curve([100.0, 10.0, 1.0], 100, 50, logarithmic=True).count("50.0,25.0") == 1
    inf = float("inf")
    assert curve([inf, -inf] * 200) == ""
    ragged = curve([0.0, inf] * 100 + [1e308, -inf] * 100, 160, 50)
    heights = [float(point.split(",")[1]) for point in re.search(r"points='([^']*)'", ragged)[1].split()]
    assert (len(heights), heights[0], heights[-1]) == (133, 50.0, 0.0), "of each stretch the finite values are drawn"


def test_definitions_tell_widths_of_channels():
    own = [Channel("a", "C", width=0.5), Channel("b", "C"), Channel("c", "N", width="vdw_radius", width_scale=0.3)]
    assert "vdw_radius × 0.5; 0.5 × 1 of a; vdw_radius × 0.3 of c<" in MolField(own)._repr_html_()
    assert ">0.5 × 1 of a<" in MolField(own[:1])._repr_html_()
    assert ">vdw_radius × 0.5<" in MolField("C N")._repr_html_()
