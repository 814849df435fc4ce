import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from tg_molfield.fields import AtomList, Grid, MolField, Volume
from tg_molfield.viz import Case, Page, comparison_page, field_page, plot_slices

NAME = '<img src=x onerror="alert(1)">&'


@pytest.fixture(scope="session")
def report(volume):
    case = Case(NAME, volume, volume, merits={"PSNR (dB)": 41.25}, baselines={"linear": volume})
    return comparison_page(NAME, [case], unit="e/Å³", text=NAME)


def test_report_loads_nothing_and_escapes_names(report):
    html = report.html()
    outside = html.replace(re.search(r'<script id="plotly".*?</script>', html, re.DOTALL)[0], "")
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"|@import|url\(["\']?http', outside)
    assert "default-src 'none'" in html
    assert "<img" not in outside
    assert "&lt;img src=x onerror=&quot;" in outside
    assert html.count('id="plotly"') == 1
    assert html.count("<svg") == 2, "one for each channel that is not empty"
    assert "H₂O, 3 atoms" in html
    assert len(html) < 4e6


def test_report_names_the_level_of_its_surfaces(report):
    assert "at 30% of each channel&#x27;s peak in the truth at first." in report.html()
    data = AtomList(torch.tensor([8]), torch.zeros(1, 3))
    distance = MolField.preset("vdw")(data).on(Grid.cube((0, 0, 0), 6, 9))
    html = comparison_page("d", [Case("a", distance, distance)]).html()
    assert "Surfaces of a at a distance of 0 at first." in html


def test_ink_of_slices_becomes_the_colour_of_the_text(volume):
    html = Page("slices").figure(plot_slices(volume, channels="O"), "a < b").html()
    assert "currentColor" in html
    assert "#24292f" not in html
    assert "<figcaption>a &lt; b</figcaption>" in html
    assert 'id="plotly"' not in html


def test_saved_whole_or_not_at_all(report, tmp_path):
    path = tmp_path / "out" / "page.html"
    report.save(path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"page\.txt: expected a page file \(\.html, \.htm\)"):
        report.save(tmp_path / "page.txt")


def test_pages_about_files_with_names_that_are_no_text(volume, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.html")
    field_page(path.stem, volume).save(path)
    assert "<h1>caf?</h1>" in path.read_text(encoding="utf-8")


def test_table():
    rows = [["a", 1, 2.0, None], ["b<", 20, float("inf"), -0.5], ["c", 3, 1.25, -0.25]]
    html = Page("t").table(rows, ["name", "n", "x", "y"], best={"x": "max", "y": "max"}).html()
    assert "<td>b&lt;</td><td class=number>20</td><td class=number>∞</td>" in html
    assert "<strong>2.00</strong>" in html
    assert "<strong>−0.250</strong>" in html
    assert "<td class=number>–</td>" in html
    html = Page("t").table([["1", "1e-07", "1e5"], ["1.7", "2.1e-07", "b"]], ["step", "drift", "name"]).html()
    assert "<td class=number>1.7</td><td class=number>2.1e-07</td><td>b</td>" in html
    assert "<td>1e5</td>" in html
    html = Page("t").table([[149.06, 1234], [17.84, 5]], ["dB", "n"]).html()
    assert "<td class=number>149.1</td><td class=number>1234</td>" in html
    assert "<td class=number>17.8</td>" in html


def test_tiny_numbers_and_those_of_arrays_in_tables_and_facts():
    rows = [[2e-10, 100.0, torch.tensor(2.5)], [-5e-11, -0.01, np.float32(1 / 3)], [0.0, None, float("nan")]]
    html = Page("t").table(rows, ["tiny", "x", "y"], best={"tiny": "min"}).html()
    cells = re.findall(r"<td class=number>(?:<strong>)?([^<]*)", html)
    assert cells == ["2.00e−10", "100.0", "2.50", "−5.00e−11", "0.0", "0.33", "0", "–", "–"]
    assert "<strong>−5.00e−11</strong>" in html
    facts = {"a": torch.tensor(2.5), "b": np.float32(1 / 3), "c": None, "d": float("nan"), "e": -1e-9, "f": 10**12}
    html = Page("t").facts(facts).html()
    assert re.findall(r"<dd>([^<]*)", html) == ["2.5", "0.3333", "–", "–", "−1e−09", "1000000000000"]


def test_fields_of_a_case_have_different_names(volume):
    for case in (
        Case("a", volume, volume, baselines={"truth": volume}),
        Case("a", volume, volume, baselines={"reconstruction": volume}),
        Case("a", volume, volume, label="truth"),
    ):
        with pytest.raises(ValueError, match="cases: expected names that differ from 'truth' and each other, got '"):
            comparison_page("t", [case])


def test_table_errors():
    with pytest.raises(ValueError, match=r"rows\[0\]: expected 2 cells, got 1"):
        Page("t").table([[1]], ["a", "b"])
    with pytest.raises(KeyError, match="names among the headers a, got 'c'"):
        Page("t").table([], ["a"], best={"c": "max"})
    with pytest.raises(ValueError, match="expected 'max' or 'min', got 'most'"):
        Page("t").table([], ["a"], best={"a": "most"})


def test_text_has_a_few_signs():
    html = Page("t").text("# One\n\ntwo **three** `f**x**<y`\n\n- four\n- five").html()
    assert "<h2>One</h2>" in html
    assert "<p>two <strong>three</strong> <code>f**x**&lt;y</code></p>" in html
    assert "<ul><li>four</li><li>five</li></ul>" in html


def test_neither_figure_nor_cases():
    with pytest.raises(TypeError, match="figure: expected a matplotlib or plotly figure, got str"):
        Page("t").figure("picture.png")
    with pytest.raises(ValueError, match="cases: expected at least one Case, got none"):
        comparison_page("t", [])


def test_a_missing_extra_is_named(volume, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"pip install 'tg_molfield\[viz\]'"):
        comparison_page("t", [Case("a", volume, volume)])


def test_importing_is_light():
    code = "import sys, tg_molfield.viz; print({'matplotlib', 'plotly', 'skimage', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_slices_of_each_channel_are_a_drawing_of_their_own_as_wide_as_a_phone():
    grid = Grid((0.0, 0, 0), ((1.0, 0, 0), (0, 1, 0), (0, 0, 1)), (4, 5, 6))
    many = Volume(torch.rand(6, 4, 5, 6, generator=torch.Generator().manual_seed(0)) + 0.1, grid, tuple("HCNOFS"))
    pages = comparison_page("t", [Case("a", many, many * 0.9)]), field_page("t", {"one": many, "other": many * 0.9})
    for page in pages:
        widths = [int(width) for width in re.findall(r"min-width: (\d+)px", page.html())]
        assert len(widths) == 6
        assert max(widths) < 300
        drawings = re.findall(r"<svg.*?</svg>", page.html(), re.DOTALL)
        assert [next(name for name in "HCNOFS" if f"<!-- {name} -->" in one) for one in drawings] == list("HCNOFS")
    assert "Slices through a. " in pages[0].html()
    assert len(re.findall(r"min-width: (\d+)px", field_page("t", many).html())) == 6
