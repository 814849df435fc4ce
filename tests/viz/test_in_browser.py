"""Pages in headless Chromium: they load without errors and requests, and their controls change the picture."""

import numpy as np
import pytest
import torch
from browser import CHROMIUM, DRAWN, SETTLED, middle_of, picture

from tg_molfield.compare import screen
from tg_molfield.structures import from_smiles
from tg_molfield.viz import Page, hits_page, map_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

MAP = "document.querySelector('.map').molecules"
CANVAS = "document.querySelector('.map canvas')"


def share_of(seen, color, tolerance=3):
    """The share of the pixels that have a colour, such as ``"#d55e00"``."""
    wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    return (np.abs(seen - wanted).max(-1) <= tolerance).mean()


def choose(browser, selector, value):
    browser.run(
        f"(element => {{ element.value = {value!r}; element.dispatchEvent(new Event('change')) }})"
        f"(document.querySelector({selector!r}))"
    )


def place_of(browser, row):
    """Where a molecule of the map is in the window."""
    return browser.run(
        f"(() => {{ const box = {CANVAS}.getBoundingClientRect(); const [x, y] = {MAP}.screen({row});"
        " return [box.left + x, box.top + y]; })()"
    )


@pytest.fixture(scope="module")
def molecule_map():
    codes = torch.tensor([[0.0, 0], [10, 0], [10, 5], [0, 5], [5, 2.5]])
    properties = {"logP": [0.0, 1.0, 2.0, 4.0, None], "class": ["acid", "base", "base", "acid", ""]}
    smiles = ["CCO", "c1ccccc1", "CC(=O)O", "CN", "ClC(Cl)Cl"]
    return map_page("Map", codes, smiles, properties=properties, units={"logP": "log units"})


def test_colours_of_a_map(opened, molecule_map):
    window = opened(molecule_map, MAP)
    seen = picture(window)
    assert share_of(seen, "#440154") > 1e-5, "the lowest value is violet"
    assert share_of(seen, "#fde725") > 1e-5, "the highest value is yellow"
    legend = window.run("document.querySelector('.map-legend').textContent")
    assert legend == "logP (log units)024no value (1)"
    choose(window, ".map-color", "1")
    seen = picture(window)
    assert share_of(seen, "#0072b2") > 1e-5
    assert share_of(seen, "#fde725") == 0
    window.run("document.querySelectorAll('.map-entry')[0].click()")
    assert share_of(picture(window), "#0072b2") < share_of(seen, "#0072b2")


def test_pointing_clicking_and_keys_of_a_map(opened, molecule_map):
    window = opened(molecule_map, MAP)
    x, y = place_of(window, 1)
    window.mouse("mouseMoved", x + 2, y)
    assert window.run("document.querySelector('.map-tip strong').textContent") == "c1ccccc1"
    assert window.run("document.querySelector('.map-tip svg').getBoundingClientRect().width") > 30
    window.click(x, y)
    card = "document.querySelector('.map-card')"
    assert window.run(f"{card}.querySelector('h3').textContent") == "c1ccccc1"
    assert window.run(f"{card}.textContent").count("log units") == 1
    window.run(f"{CANVAS}.focus()")
    for key, row in (("ArrowLeft", 4), ("ArrowUp", 4), ("Escape", -1), ("ArrowDown", 4)):
        window.key(key)
        assert window.run(f"{MAP}.selected") == row
    before = place_of(window, 0)
    window.key("+", "+")
    assert place_of(window, 0)[0] < before[0] - 50
    window.key("ArrowRight", modifiers=8)
    window.key("0", "0")
    assert place_of(window, 0) == pytest.approx(before)
    window.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200)
    window.wait(f"{MAP}.view.scale > {MAP}.view.least")
    assert place_of(window, 1) == pytest.approx((x, y), abs=1)


def test_dragging_a_map_moves_it_and_selects_nothing(opened, molecule_map):
    window = opened(molecule_map, MAP)
    x, y = place_of(window, 4)
    window.mouse("mousePressed", x, y, button="left", clickCount=1)
    window.mouse("mouseMoved", x + 40, y - 30, button="left", buttons=1)
    window.mouse("mouseReleased", x + 40, y - 30, button="left", clickCount=1)
    assert place_of(window, 4) == pytest.approx((x + 40, y - 30))
    assert window.run(f"{MAP}.selected") == -1


def test_molecules_of_a_map_are_found_by_name(opened, molecule_map):
    window = opened(molecule_map, MAP)
    window.run("document.querySelector('.map-find').focus()")
    for letter in "cc":
        window.key(letter, letter)
    found = "document.querySelector('.map-found').textContent"
    assert window.run(found).startswith("3 found")
    rows = []
    for _ in range(4):
        window.key("Enter", "\r")
        rows.append(window.run(f"{MAP}.selected"))
    assert rows == [0, 1, 2, 0]
    assert window.run(found) == "1 of 3"


@pytest.mark.parametrize(
    ("factor", "shift", "longest"),
    [(1e9, 0.0, 5), (-1e-14, 0.0, 8), (1.0, 12345.0, 7), (1e5, 0.0, 6)],
)
def test_the_axes_of_a_map_tell_numbers_of_any_size(opened, factor, shift, longest):
    codes = torch.tensor([[0.0, 0], [2, 0], [2, 1.9], [0, 1.9]], dtype=torch.float64) * factor + shift
    window = opened(map_page("Units", codes, ["C"] * 4), f"{MAP}?.ticks", 700, 900)
    for axis in "xy":
        texts = window.run(f"{MAP}.ticks.{axis}.map(one => one.text)")
        assert max(map(len, texts)) <= longest
        values = [float(text.replace("−", "-")) for text in texts]
        assert values == pytest.approx(window.run(f"{MAP}.ticks.{axis}.map(one => one.value)"), abs=1e-9 * abs(factor))
        assert len(set(texts)) == len(texts)
    seen = picture(window)
    left, _, top, bottom = window.run(
        f"(box => [box.left, box.right, box.top, box.bottom])({CANVAS}.getBoundingClientRect())"
    )
    border = seen[int(top) : int(bottom), int(left) : int(left) + 2]
    assert (border == border[0, 0]).all(), "no number is cut off"
    for _ in range(20):
        window.run(f"{MAP}.zoom(1.5)")
    window.run(SETTLED)
    texts = window.run(f"{MAP}.ticks.y.map(one => one.text)")
    assert len(set(texts)) == len(texts)


def test_legends_of_a_map_hold_long_words_small_numbers_and_single_values(opened):
    properties = {"word": ["x" * 150, "x" * 150, "b"], "small": [-1.384e-9, 1.888e-9, 2e-10], "one": [3.5] * 3}
    window = opened(map_page("Legend", torch.eye(3), ["C"] * 3, properties=properties, color="word"), MAP)
    widths = window.run("[...document.querySelectorAll('.map-entry')].map(one => [one.scrollWidth, one.clientWidth])")
    assert all(inner <= outer for inner, outer in widths)
    choose(window, ".map-color", "1")
    assert window.run("document.querySelector('.map-ticks span').textContent") == "−1.384e−9"
    choose(window, ".map-color", "2")
    middle = "(box => (box.left + box.right) / 2)(document.querySelector('{}').getBoundingClientRect())"
    bar, text = (window.run(middle.format(one)) for one in (".map-bar", ".map-ticks span"))
    assert text == pytest.approx(bar, abs=1), "the points have the colour in the middle"


@pytest.mark.parametrize("count", [1, 2])
def test_maps_of_few_molecules_on_a_phone(opened, count):
    window = opened(map_page("Few", torch.ones(count, 3), ["C"] * count), MAP, 360, 800)
    x, y = place_of(window, 0)
    assert 0 < x < 360
    window.click(x, y)
    assert window.run(f"{MAP}.selected") >= 0


def test_long_words_fit_into_a_phone(opened):
    page = Page("t" * 90, "s" * 90).facts({"f" * 90: "C" * 300, "b": 2.0}).heading("h" * 90, "n" * 90).text("p" * 300)
    page.table([["a" * 300, "b" * 300, 1]], ["name", "other", "number"])
    window = opened(page, "true", 360, 700)
    assert window.run("document.documentElement.scrollWidth") == 360
    assert window.run("document.querySelector('.scroll').scrollWidth") < 420


def test_hits_are_listed_and_drawn(opened):
    molecules = [from_smiles(smiles, properties=()) for smiles in ("CCO", "CCN")]
    molecules[0].name, molecules[1].name = "a long name of a molecule " * 4, "x" * 80
    window = opened(hits_page("Hits", screen(molecules[0], molecules), molecules[:1], overlays=1), DRAWN, 500, 700)
    assert window.run("document.querySelectorAll('tbody tr').length") == 2
    ranks = "document.querySelector('tbody td').clientWidth"
    table = "document.querySelector('.scroll')"
    assert window.run(f"{table}.scrollWidth - {table}.clientWidth") == 0, "long titles leave the score in view"
    assert window.run(ranks) < 80, "a column of numbers is as wide as they are"
    middle_of(window, ".plot")
    window.wait(DRAWN)
    seen = picture(window)
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 300, "shaded surfaces"
    assert window.errors == []
