import gzip
import json
import re
import sys
from base64 import b64decode

import numpy as np
import pytest
import torch
from rdkit import Chem

from tg_molfield.display.atoms_svg import MAX_ATOMS, atoms_svg
from tg_molfield.fields import AtomList
from tg_molfield.viz import map_page
from tg_molfield.viz.map import page as map_module
from tg_molfield.viz.map.projection import principal_components

SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CN", "O"]


@pytest.fixture
def codes():
    return torch.randn(5, 7, generator=torch.Generator().manual_seed(0))


def content(page):
    (found,) = re.findall(r'<script type="application/gzip">(.*?)</script>', page.html())
    return json.loads(gzip.decompress(b64decode(found)))


def test_principal_components_are_those_of_a_singular_value_decomposition():
    codes = torch.randn(40, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * torch.arange(1.0, 7.0)
    points, shares = principal_components(codes + 1e3, 3)
    centred = (codes - codes.mean(0)).numpy()
    left, values, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(6), np.abs(axes).argmax(1)])
    np.testing.assert_allclose(points, (left * values * signs)[:, :3], atol=1e-9)
    np.testing.assert_allclose(shares, (values**2 / (values**2).sum())[:3], atol=1e-12)


@pytest.mark.parametrize("codes", [torch.zeros(1, 4), torch.ones(3, 4), torch.randn(5, 1), torch.randn(3, 9) * 1e-30])
def test_codes_that_do_not_span_a_plane(codes):
    points, shares = principal_components(codes.double())
    assert points.shape == (len(codes), 2)
    assert points.isfinite().all()
    assert shares.sum() <= 1 + 1e-9
    assert content(map_page("few", codes))["projections"][0]["name"] == "PCA"


def test_two_columns_are_coordinates():
    points = torch.tensor([[1.5, -2.0], [3.25, 1e-4], [-1e6, 7.0]])
    found = content(map_page("given", points))["projections"][0]
    np.testing.assert_allclose(found["x"], points[:, 0], atol=1e-6 * 1e6)
    np.testing.assert_allclose(found["y"], points[:, 1], atol=1e-6 * 1e6)
    assert found["name"] == "as given"


def test_a_page_holds_all_that_it_shows(codes):
    html = map_page("<codes>", codes, SMILES, names=["<img src=x>", *"abcd"]).html()
    assert "default-src 'none'" in html
    assert not re.findall(r'(?:src|href)="|@import|url\(|https?://', html)
    assert "<img" not in html
    assert "&lt;codes&gt;" in html
    assert 'id="plotly"' not in html


def test_molecules_in_every_form(codes):
    water = AtomList(torch.tensor([8, 1, 1]), torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.5], [0, -0.76, -0.5]]))
    found = content(map_page("forms", codes, ["CCO", Chem.MolFromSmiles("CN"), water, None, ""]))
    assert found["names"] == ["CCO", "molecule 2", "molecule 3", "molecule 4", "molecule 5"]
    assert [svg[:4] for svg in found["svgs"]] == ["<svg"] * 3 + ["", ""]
    (heavy,) = found["columns"]
    assert heavy["name"] == "heavy atoms"
    assert heavy["values"] == [3, 2, 1, None, None]
    with pytest.raises(TypeError, match=r"molecules\[1\]: expected a SMILES or an RDKit molecule, got int"):
        map_page("forms", codes, ["CCO", 3, None, None, None])


def test_smiles_that_cannot_be_read_are_not_drawn(codes):
    with pytest.warns(UserWarning, match=r"molecules\[1\]: expected a valid SMILES.*\(and 1 more\); not drawn"):
        found = content(map_page("wrong", codes, ["CCO", "C1CC", "N", "C(", "O"]))
    assert [bool(svg) for svg in found["svgs"]] == [True, False, True, False, True]


def test_columns_of_numbers_categories_and_text(codes):
    properties = {
        "logP": [0.5, None, float("nan"), "", np.float64(-1.25)],
        "count": np.arange(5),
        "tensor": torch.tensor([1.0, float("inf"), 3.0, 4.0, 5.0]),
        "class": ["acid", "base", "", "acid", None],
        "id": [f"m{place}" for place in range(5)],
        "flag": [True, False, True, True, False],
        "empty": [None] * 5,
    }
    found = content(map_page("kinds", codes, properties=properties, units={"logP": "octanol"}, color="class"))
    columns = {column["name"]: column for column in found["columns"]}
    assert {name: column["kind"] for name, column in columns.items()} == {
        "logP": "number", "count": "number", "tensor": "number", "class": "category", "id": "text",
        "flag": "category", "empty": "text",
    }  # fmt: skip
    assert columns["logP"]["values"] == [0.5, None, None, None, -1.25]
    assert columns["logP"]["unit"] == "octanol"
    assert columns["count"]["values"] == [0, 1, 2, 3, 4]
    assert columns["tensor"]["values"] == [1, None, 3, 4, 5]
    assert columns["class"]["names"] == ["acid", "base"]
    assert columns["class"]["codes"] == [0, 1, None, 0, None]
    assert found["columns"][found["color"]]["name"] == "class"


def test_numbers_that_count_molecules_do_not_colour_them_at_first(codes):
    found = content(map_page("ids", codes, properties={"CID": [7, 3, 5, 1, 2], "logP": [0.5, 1.5, 1.0, 0, 2]}))
    assert found["columns"][found["color"]]["name"] == "logP"
    assert content(map_page("ids", codes, properties={"CID": [7, 3, 5, 1, 2]}))["color"] == 0


def test_integers_beyond_what_a_page_holds_are_text(codes):
    (column,) = content(map_page("ids", codes, properties={"ID": [2**60 + 1, 10**400, 3, 4, None]}))["columns"]
    assert column["kind"] == "text"
    assert column["values"][0] == str(2**60 + 1)


def test_long_texts_are_cut(codes):
    long = ["x" * 10**5 + str(place) for place in range(5)]
    found = content(map_page("long", codes, names=long, properties={"note": long}))
    assert {len(name) for name in [*found["names"], *found["columns"][0]["values"]]} == {202}
    assert found["columns"][0]["kind"] == "text", "they differ where they are cut"


def test_rare_categories_are_joined():
    words = [f"w{place % 10}" for place in range(40)] + ["w0"] * 5
    (column,) = content(map_page("rare", torch.randn(45, 3), properties={"class": words}))["columns"]
    assert len(column["names"]) == 7
    assert column["names"][0] == "w0"
    assert sum(code == 7 for code in column["codes"]) == 12


def test_more_molecules_than_a_map_takes(monkeypatch):
    monkeypatch.setattr(map_module, "MAX_MOLECULES", 10)
    names = [str(place) for place in range(25)]
    with pytest.warns(UserWarning, match="at most 10 molecules for a map, got 25"):
        page = map_page("many", torch.randn(25, 3), names=names, properties={"n": list(range(25))}, seed=3)
    found = content(page)
    assert len(found["names"]) == len(found["projections"][0]["x"]) == 10
    assert found["columns"][0]["values"] == [int(name) for name in found["names"]]
    assert "shows 10 of 25 molecules, drawn at random (seed 3)" in page.html()


def test_umap_keeps_groups_apart():
    pytest.importorskip("umap", reason="umap-learn is not installed (extra maps)")
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(60, 8, generator=generator) + torch.cat([torch.full((30, 8), 9.0), torch.full((30, 8), -9.0)])
    first, second = content(map_page("both", codes, projections=["umap", "pca"]))["projections"]
    assert (first["name"], second["name"]) == ("UMAP", "PCA")
    points = np.array([first["x"], first["y"]]).T
    middles = points[:30].mean(0), points[30:].mean(0)
    spread = max(
        np.linalg.norm(points[:30] - middles[0], axis=1).max(), np.linalg.norm(points[30:] - middles[1], axis=1).max()
    )
    assert np.linalg.norm(middles[0] - middles[1]) > 2 * spread
    assert content(map_page("again", codes, projections="umap"))["projections"][0] == first
    with pytest.raises(ValueError, match="at least 4 molecules for umap, got 3"):
        map_page("few", codes[:3], projections="umap")


def test_umap_without_its_package_names_the_extra(codes, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pip install 'tg_molfield\[maps\]'"):
        map_page("t", codes, projections="umap")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"names": ["a"]}, ValueError, "names: expected 5, one for each code, got 1"),
        ({"molecules": ["C"]}, ValueError, "molecules: expected 5, one for each code, got 1"),
        (
            {"properties": {"x": [1]}},
            ValueError,
            r"properties\['x'\]: expected one value for each of 5 molecules, got 1",
        ),
        ({"properties": {"x": "abcde"}}, TypeError, r"properties\['x'\]: expected a list or an array, got str"),
        ({"properties": {"x": range(5)}, "color": "y"}, KeyError, r"color: expected .*\(x\), got 'y'"),
        ({"units": {"y": "eV"}}, KeyError, r"units: expected names among the properties \(none\), got 'y'"),
        ({"projections": "tsne"}, ValueError, "expected names among pca, umap, got 'tsne'"),
        ({"projections": []}, ValueError, "projections: expected at least one of pca, umap, got none"),
        ({"seed": 1.5}, ValueError, "seed: expected an integer"),
    ],
)
def test_arguments_that_do_not_fit(codes, options, error, message):
    with pytest.raises(error, match=message):
        map_page("t", codes, **options)


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (torch.zeros(0, 3), ValueError, r"expected floats \[M, D\], got torch.float32 of \[0, 3\]"),
        (torch.zeros(3), ValueError, r"of \[3\]"),
        (torch.zeros(3, 2, dtype=torch.int64), ValueError, "got torch.int64"),
        (torch.tensor([[0.0, 1.0], [float("nan"), 0.0]]), ValueError, "NaN or infinity in row 1"),
        ([[0.0, 1.0]], TypeError, "codes"),
    ],
)
def test_codes_that_are_none(codes, error, message):
    with pytest.raises(error, match=message):
        map_page("t", codes)


def test_atoms_are_drawn_from_where_most_of_them_are_seen():
    ring = torch.arange(6) * torch.pi / 3
    pos = 1.4 * torch.stack([ring.cos(), torch.zeros(6), ring.sin()], 1) + 50
    svg = atoms_svg(AtomList(torch.full((6,), 6), pos))
    assert svg.count("<circle") == 6
    assert svg.count("<path") == 12
    width, height = map(int, re.search(r"viewBox='\S+ \S+ (\S+) (\S+)'", svg).groups())
    assert min(width, height) == pytest.approx(40 * 2.8 * 0.75**0.5 + 60, abs=3)
    assert max(width, height) == pytest.approx(40 * 2.8 + 60, abs=3)


def test_atoms_that_cannot_be_drawn():
    assert atoms_svg(AtomList(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 3))) == ""
    many = AtomList(torch.ones(MAX_ATOMS + 1, dtype=torch.int64), torch.randn(MAX_ATOMS + 1, 3))
    assert atoms_svg(many) == ""
    one = AtomList(torch.tensor([0]), torch.ones(1, 3))
    assert atoms_svg(one).count("<circle") == 1
