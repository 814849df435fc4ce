"""Figures that are shown in notebooks: what a cell's output holds, and what is refused."""

import gzip
import re
import sys
import webbrowser
from base64 import b64decode
from types import SimpleNamespace

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField, Volume
from tg_molfield.viz import Page, interactive_surfaces, notebook_page

WATER = Data(
    z=torch.tensor([8, 1, 1]),
    pos=torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.48], [0, -0.76, -0.48]]),
    partial_charge=torch.tensor([-0.6, 0.3, 0.3]),
)


class Notebook:
    """What IPython tells of a notebook, and what is displayed in it."""

    def __init__(self):
        self.outputs = []
        self.request = {"metadata": {}, "content": {"code": ""}}
        self.shell = SimpleNamespace(execution_count=0)
        self.kernel = SimpleNamespace(get_parent=lambda: self.request, shell=self.shell)

    def run(self, cell, work, **metadata):
        """The HTML that a cell shows."""
        self.shell.execution_count += 1
        self.request = {"metadata": metadata, "content": {"code": cell}}
        self.outputs.clear()
        work()
        return "".join(output["text/html"] for output in self.outputs)


@pytest.fixture
def notebook(monkeypatch):
    made = Notebook()
    ipython = SimpleNamespace(get_ipython=lambda: made)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    shown = SimpleNamespace(display=lambda bundle, raw: made.outputs.append(bundle))
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr(notebook_page, "_holder", None)
    return made


def page_of(html):
    """The page in an output."""
    packed = re.search(r'<script type="application/gzip">([\w+/=]+)</script>', html)[1]
    return gzip.decompress(b64decode(packed)).decode()


def has_library(html):
    return len(html) > 1_000_000


def test_only_the_first_output_holds_the_library(notebook):
    field = MolField("O H")(WATER)
    first = notebook.run("field.show()", field.show)
    again = notebook.run("# again\nfield.show()", lambda: (field.show(), field.show()))
    assert has_library(first)
    assert not has_library(again)
    assert again.count("<div id=") == 2
    assert len(again) < 500_000
    assert len(set(re.findall(r"tg-molfield-[0-9a-f]{32}", first + again))) == 3
    assert has_library(notebook.run("field.show()", field.show)), "the first output is made anew"
    assert notebook.outputs[0]["text/plain"] == repr(field)


def test_cells_with_a_name_are_told_apart_by_it(notebook):
    field = MolField("O")(WATER)
    assert has_library(notebook.run("field.show()", field.show, cellId="a"))
    assert not has_library(notebook.run("field.show()", field.show, cellId="b"))
    assert has_library(notebook.run("field.show(level=0.2)", lambda: field.show(level=0.2), cellId="a"))


def test_outputs_that_are_pages_of_their_own_hold_the_library(notebook, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    field = MolField("O")(WATER)
    assert all(has_library(notebook.run(cell, field.show)) for cell in "ab")


def test_figures_tell_what_they_show(notebook):
    esp = MolField.preset("esp")(WATER)
    html = page_of(notebook.run("", esp.show))
    assert "<title>H₂O</title>" in html
    assert "Isosurfaces. Preset esp, sum over atoms of the kernel coulomb, width 0.5 Å. " in html
    assert html.count("<tg-molfield-library>") == 1
    colored = page_of(notebook.run("", lambda: MolField.preset("vdw")(WATER).show(color_by=esp)))
    assert "The surface of all, coloured by esp." in colored
    volume = MolField("O H")(WATER).with_atoms(None).on(Grid.around(WATER.pos, 0.3, 2.0))
    assert "<title>Volume</title>" in page_of(notebook.run("", volume.show))
    one = page_of(notebook.run("", lambda: volume.show("H", level={"H": 0.4}, color_by=esp.on(volume.grid))))
    assert "The surface of H" in one


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_fields_of_any_precision_are_shown(notebook, dtype):
    field = MolField("O H")(WATER).to(dtype)
    assert "Isosurfaces." in page_of(notebook.run("", field.show))
    assert field._repr_html_().count("<img") == 2


def test_pages_are_shown_in_frames(notebook):
    html = Page("A <page>").text("with text")._repr_html_()
    assert "<h1>A &lt;page&gt;</h1>" in page_of(html)
    assert not has_library(html)
    assert "trust the notebook to see it" in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "header { display: none }" not in page_of(html)


def test_surfaces_for_pages_are_shown_in_frames(notebook):
    surfaces = interactive_surfaces(MolField("O H")(WATER).on(Grid.around(WATER.pos, 0.5, 2.0)))
    assert repr(surfaces) == "InteractiveSurfaces(O H; Page(title).figure(...) draws them)"
    assert page_of(surfaces._repr_html_()).count('class="plot"') == 1


def test_what_cannot_be_shown_is_refused(notebook):
    field = MolField("O H")(WATER)
    with pytest.raises(ValueError, match="grid: expected a grid because the field has no atoms"):
        field.with_atoms(None).show()
    with pytest.raises(ValueError, match="channels: expected one of the channels O, H, got none; choose one"):
        field.show(color_by=field)
    with pytest.raises(ValueError, match="channels: expected one channel with color_by, got 2; choose one"):
        field.show(["O", "H"], color_by=field)
    with pytest.raises(TypeError, match="color_by: expected a Field, got str"):
        field.show("O", color_by="esp")
    with pytest.raises(ValueError, match="level"):
        field.show(level=7)
    with pytest.raises(ValueError, match="finite"):
        Volume(torch.full((1, 4, 4, 4), torch.nan), Grid.cube((0, 0, 0), 2.0, 4)).show()
    assert notebook.outputs == []


@pytest.mark.parametrize("package", ["plotly", "skimage"])
def test_a_missing_package_is_named_with_its_extra(notebook, monkeypatch, package):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    field = MolField("O")(WATER)
    with pytest.raises(ImportError, match=rf"{package}: .*; run pip install 'tg_molfield\[viz\]'"):
        field.show(color_by=field if package == "skimage" else None)


def test_outside_of_notebooks_a_browser_shows_the_figure(monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or len(opened) == 1)
    field = MolField("O")(WATER)
    field.show()
    assert opened[0].startswith("file:///")
    assert opened[0].endswith("field.html")
    with pytest.raises(RuntimeError, match="show: expected a notebook or a browser, got neither; open /"):
        field.show()


def test_figures_of_a_saved_notebook_are_drawn(notebook, browser, tmp_path):
    field, esp = MolField("O H")(WATER), MolField.preset("esp")(WATER)
    nothing = Volume(torch.zeros(1, 6, 6, 6), Grid.cube((0, 0, 0), 2.0, 6), ("N",))
    works = (
        lambda: field.show("O", level=0.4, unit="apples", height=200),
        lambda: MolField.preset("vdw")(WATER).show(color_by=esp, height=200),
        lambda: nothing.show(height=200),
    )
    cells = [f"<div>{notebook.run(str(number), work)}</div>" for number, work in enumerate(works)]
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{''.join(cells)}")
    frames = "[...document.querySelectorAll('iframe')].map(frame => frame.contentDocument)"
    browser.open(path, 700, 1000)
    browser.wait("document.querySelectorAll('iframe').length == 3")
    browser.wait(f"{frames}.every(page => page.querySelector('.plot .main-svg'))")
    browser.wait(f"{frames}.slice(0, 2).every(page => page.querySelector('.plot canvas'))")
    colored, empty = (browser.run(f"{frames}[{number}].body.textContent") for number in (1, 2))
    assert "0.4 apples" in browser.run(f"{frames}[0].body.textContent")
    assert "esp (V)" in colored
    assert "no surface at this level" in empty
    assert browser.errors == []
    assert browser.requests == []
    heights = browser.run("[...document.querySelectorAll('iframe')].map(frame => frame.clientHeight)")
    assert heights == pytest.approx(browser.run(f"{frames}.map(page => page.body.scrollHeight)"), abs=2)
    assert browser.run("document.documentElement.scrollWidth") <= 700
