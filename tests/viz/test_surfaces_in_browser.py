"""Surfaces on pages in headless Chromium: sliders, switches and keys change them, and they lie where they should."""

from itertools import combinations

import numpy as np
import plotly
import plotly.graph_objects as go
import pytest
import torch
from browser import CHROMIUM, DRAWN, SETTLED, middle_of, picture

from tg_molfield.fields import AtomList, Grid, MolField, Volume
from tg_molfield.viz import (
    Case,
    Page,
    animate_surfaces,
    comparison_page,
    field_page,
    interactive_animation,
    interactive_surfaces,
    plot_colored_surfaces,
    plot_surfaces,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PLOT = "document.querySelector('.plot')"
NOTE = "document.querySelector('.note').textContent"


def level_of(channel):
    return f"document.querySelector('input[aria-label=\"Level of {channel}\"]')"


def press(window, element, key, times=1):
    window.run(f"{element}.focus()")
    for _ in range(times):
        window.key(key)
    window.run(SETTLED)
    window.run(SETTLED)


def surface(window, index):
    """The vertices [V, 3] and the faces [F, 3] of a trace."""
    x, y, z, i, j, k = window.run(f"(t => [t.x, t.y, t.z, t.i, t.j, t.k].map(a => [...a]))({PLOT}.data[{index}])")
    return np.stack([x, y, z], 1), np.stack([i, j, k], 1).astype(int)


def cameras(window):
    return window.run(
        f"Object.keys({PLOT}.layout).filter(k => /^scene/.test(k)).map(k => Object.values({PLOT}.layout[k].camera.eye))"
    )


def test_the_slider_of_a_level_moves_the_surface(opened, volume):
    window = opened(Page("Levels").figure(interactive_surfaces(volume, "O", unit="e/Å³")), DRAWN, 700, 900)
    level = window.run(f"{level_of('O')}.nextElementSibling.textContent")
    assert level.endswith(" e/Å³")
    start = float(level.split()[0])
    assert start == pytest.approx(0.3 * float(volume.values[1].max()), rel=0.01)
    before, seen = surface(window, 0), picture(window)
    press(window, level_of("O"), "ArrowLeft", 40)
    text = window.run(f"{level_of('O')}.ariaValueText")
    lower = float(text.split()[0])
    assert lower < 0.8 * start
    assert text == window.run(f"{level_of('O')}.nextElementSibling.textContent")
    after = surface(window, 0)
    assert np.ptp(after[0], axis=0).min() > 1.05 * np.ptp(before[0], axis=0).max()
    assert (picture(window) != seen).any()
    for (vertices, _), expected in ((before, start), (after, lower)):
        values = volume(torch.from_numpy(vertices).float())[:, 1]
        assert (values / expected - 1).abs().max() < 0.01, "the vertices lie on the level"
    assert window.errors == []


@pytest.mark.parametrize(("factor", "offset"), [(1e-46, 0.0), (1e40, 0.0), (1e-6, 5.0), (1e-3, -1.0)])
def test_surfaces_lie_on_their_level_in_any_unit(opened, water, factor, offset):
    grid = Grid.around(water.centers, spacing=0.3, margin=3)
    scaled = Volume(water.on(grid)["O"].values.double() * factor + offset, grid, ["O"])
    told = interactive_surfaces(scaled)
    window = opened(Page("Units").figure(told), DRAWN, 700, 900)
    vertices, faces = surface(window, 0)
    assert len(faces) > 100
    level = told.live["channels"][0]["level"]
    values = scaled(torch.from_numpy(vertices).double())[:, 0]
    assert (values - level).abs().max() < 1e-3 * factor, "half precision has 11 bits"
    text = window.run(f"{level_of('O')}.ariaValueText")
    assert float(text.replace("−", "-")) == pytest.approx(level, abs=0.01 * factor)
    press(window, level_of("O"), "ArrowLeft", 40)
    assert window.run(f"{level_of('O')}.ariaValueText") != text


def test_the_colour_of_a_signed_surface_follows_the_sign_of_its_level(opened, volume):
    values = volume.values[1] - volume.values[1].roll(4, 1)
    signed = Volume(values[None], volume.grid, ["q"])
    figure = interactive_surfaces({"a": signed, "b": signed * 0.5}, levels=-0.1, difference=True)
    window = opened(Page("Sides").figure(figure), DRAWN, 1100, 900)
    swatch = "getComputedStyle(document.querySelector('.swatch')).backgroundColor"
    colors = f"{PLOT}.data.filter(one => one.type === 'mesh3d').slice(0, 4).map(one => one.color)"
    blue, red = "#3579b8", "#c8383f"
    assert window.run(colors) == [red, red, red, blue]
    assert window.run(swatch) == "rgb(200, 56, 63)"
    press(window, level_of("q"), "End")
    press(window, level_of("q"), "ArrowLeft", 100)
    assert window.run(colors) == [blue, blue, blue, red]
    assert window.run(swatch) == "rgb(53, 121, 184)"
    for index in (2, 3):
        vertices, faces = surface(window, index)
        assert len(faces) > 0
        difference = -0.5 * signed(torch.from_numpy(vertices).float())[:, 0]
        assert ((difference > 0) == (window.run(colors)[index] == blue)).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_surfaces_are_closed_and_face_outwards(opened, mirrored):
    grid = Grid.cube((0, 0, 0), 4, 21)
    if mirrored:
        grid = Grid((2.0, -2.0, -2.0), ((-0.2, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.2)), (21, 21, 21))
    radii = grid.points().norm(dim=-1).reshape(1, 21, 21, 21)
    ball = Volume(2 - radii, grid, ["r"])
    window = opened(Page("Ball").figure(interactive_surfaces(ball, levels=0.5)), DRAWN, 500, 700)
    vertices, faces = surface(window, 0)
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(1.5, abs=0.02)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert sorted(map(tuple, edges)) == sorted(map(tuple, edges[:, ::-1])), "each edge has a face on either side"
    enclosed = np.linalg.det(vertices[faces]).sum() / 6
    assert enclosed == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.03)


def test_a_switch_hides_a_channel_and_its_slider(opened, volume):
    window = opened(Page("Switch").figure(interactive_surfaces(volume)), DRAWN, 700, 900)
    seen = picture(window)
    switch = middle_of(window, ".control.level label")
    window.click(*switch)
    window.run(SETTLED)
    assert window.run(f"{level_of('H')}.disabled")
    assert len(surface(window, 0)[0]) == 0
    assert len(surface(window, 1)[0]) > 0
    assert (picture(window) != seen).any()
    window.click(*switch)
    window.wait(f"{PLOT}.data[0].x.length > 0")
    window.run("[...document.querySelectorAll('.controls label')].find(one => one.textContent === 'atoms').click()")
    window.wait(f"{PLOT}.data.filter(one => one.visible === 'legendonly').length === 3")
    assert window.errors == []


def test_truth_prediction_and_difference_turn_together(opened, volume):
    case = Case("water", volume, volume * 1.1, merits={"PSNR (dB)": 41.25})
    window = opened(comparison_page("Report", [case], unit="e/Å³"), DRAWN, 1000, 900)
    titles = window.run(f"{PLOT}.layout.annotations.map(one => one.text)")
    assert titles == ["<b>truth</b>", "<b>reconstruction</b>", "<b>difference</b>"]
    first = cameras(window)
    press(window, PLOT, "ArrowRight", 3)
    turned = cameras(window)
    assert np.abs(np.array(turned[0]) - first[0]).max() > 0.3
    assert turned[1] == turned[0]
    assert turned[2] == turned[0]
    assert np.linalg.norm(turned[0]) == pytest.approx(np.linalg.norm(first[0]))
    x, y = middle_of(window, ".plot canvas")
    window.mouse("mousePressed", x, y, button="left", clickCount=1)
    window.mouse("mouseMoved", x + 60, y + 20, button="left", buttons=1)
    window.mouse("mouseReleased", x + 60, y + 20, button="left", clickCount=1)
    window.wait(
        f"JSON.stringify(Object.values({PLOT}.layout.scene.camera.eye)) !== '{str(turned[0]).replace(' ', '')}'"
    )
    window.run(SETTLED)
    assert cameras(window)[2] == pytest.approx(cameras(window)[0])
    press(window, PLOT, "Home")
    assert cameras(window)[1] == pytest.approx(first[0])
    assert window.errors == []


def test_differences_have_a_level_of_their_own(opened, volume):
    case = Case("water", volume, volume * 1.1)
    window = opened(comparison_page("Report", [case], unit="e/Å³"), DRAWN, 1000, 900)
    assert "difference: nowhere" not in window.run(NOTE), "10 % of the peak is above 10 % of the level"
    share = "document.querySelector('input[aria-label^=\"Level of the difference\"]')"
    assert window.run(f"{share}.ariaValueText") == "±10 % of each level"
    press(window, share, "End")
    assert "difference: nowhere as large as this: H, O." in window.run(NOTE)


def test_surfaces_that_are_cut_off_or_absent_are_told_of(opened, water):
    narrow = water.on(Grid.around(water.centers, spacing=0.3, margin=0.5))
    window = opened(Page("Cut").figure(interactive_surfaces(narrow, "O")), DRAWN, 500, 800)
    assert window.run(NOTE) == "cut off at the border of the grid: O."
    pair = {"first": narrow, "second": narrow * 0.1}
    window = opened(Page("Absent").figure(interactive_surfaces(pair, "O")), DRAWN, 360, 800)
    assert "second: no surface at this level: O." in window.run(NOTE)


def test_the_slider_and_the_button_of_an_animation(opened, volume):
    figure = animate_surfaces({"first": volume, "last": volume * 0.5}, "O", max_nodes=15**3)
    window = opened(Page("Path").figure(figure), DRAWN, 360, 900)
    step = "document.querySelector('input[aria-label=Step]')"
    assert window.run(f"{step}.ariaValueText") == "at first"
    before = picture(window)
    press(window, step, "ArrowRight")
    assert window.run(f"{step}.ariaValueText") == "at last"
    window.run(SETTLED)
    assert (picture(window) != before).any()
    button = "document.querySelector('.controls button')"
    window.run(f"{button}.click()")
    window.wait(f"{step}.ariaValueText === 'at first'")
    assert window.run(f"{button}.textContent") == "Pause"
    window.run(f"{button}.click()")
    assert window.run(f"{button}.textContent") == "Play"
    assert window.errors == []


def test_labels_of_steps_are_no_markup(opened, volume):
    labels = ["T<300 K", "<i>b</i> &amp; c"]
    for animated in (animate_surfaces, interactive_animation):
        figure = animated(dict.fromkeys(labels, volume), "O")
        window = opened(Page("Path").figure(figure), DRAWN, 700, 700)
        step = "document.querySelector('input[aria-label=Step]')"
        for label in labels:
            assert window.run(f"{step}.ariaValueText") == f"at {label}"
            press(window, step, "ArrowRight")


def test_atoms_come_and_go_beside_a_channel_of_their_name(opened, volume):
    named = Volume(volume.values[:2], volume.grid, ["atoms", "O"], atoms=volume.atoms)
    bare = Volume(named.values, volume.grid, named.channels)
    window = opened(Page("Path").figure(interactive_animation({"bare": bare, "both": named})), DRAWN, 700, 900)
    entries = "[...document.querySelectorAll('.controls:not(.wide) label')]"
    assert window.run(f"{entries}.map(one => one.textContent)") == ["bonds", "atoms"]
    for count, key in ((0, "ArrowRight"), (3, "ArrowLeft"), (0, "ArrowRight")):
        assert window.run(f"{PLOT}._fullData.filter(one => one.mode === 'markers')[0]?.x?.length ?? 0") == count
        press(window, "document.querySelector('input[aria-label=Step]')", key)
    window.run(f"{entries}[1].click()")
    assert window.run(f"{PLOT}.data.map(one => one.visible ?? true)") == [True, True, True, "legendonly"]
    assert window.errors == []


def test_levels_of_an_animation_hold_at_every_step(opened, water, volume):
    grid = Grid.around(water.centers, spacing=0.3, margin=3)
    steps = {"first": volume["O"], "last": water.on(grid)["O"] * 0.8}
    window = opened(Page("Path").figure(interactive_animation(steps, unit="e/Å³")), DRAWN, 700, 900)
    step = "document.querySelector('input[aria-label=Step]')"
    press(window, level_of("O"), "ArrowRight", 30)
    for name in steps:
        assert window.run(f"{step}.ariaValueText") == f"at {name}"
        text = window.run(f"{level_of('O')}.ariaValueText")
        assert text.endswith(" e/Å³")
        vertices, faces = surface(window, 0)
        assert len(faces) > 100
        values = steps[name](torch.from_numpy(vertices).float())
        assert (values / float(text.split()[0]) - 1).abs().max() < 0.01, "the vertices lie on the level"
        press(window, step, "ArrowRight")
    seen = picture(window)
    window.click(*middle_of(window, ".control.level label"))
    window.wait(f"{PLOT}.data[0].x.length === 0")
    press(window, step, "Home")
    assert len(surface(window, 0)[0]) == 0, "a hidden channel stays hidden at another step"
    assert (picture(window) != seen).any()
    press(window, PLOT, "ArrowRight")
    turned = cameras(window)
    press(window, step, "ArrowRight")
    assert cameras(window) == turned, "a step leaves the view as it was turned"
    assert window.errors == []


def test_the_balls_of_atoms_fit_into_a_scene(opened):
    atoms = AtomList(torch.tensor([8, 8]), torch.tensor([[-3.0, 0.0, 0.0], [3.0, 0.0, 0.0]]))
    hidden = MolField("all", width_scale=0.05)(atoms).on(Grid.around(atoms.pos, 0.2, 1.0))
    window = opened(Page("Balls").figure(interactive_surfaces(hidden)), DRAWN, 700, 900)
    box = window.run(f"(({{ x, y, width, height }}) => [x, y, width, height])({PLOT}.getBoundingClientRect())")
    left, top, wide, tall = map(round, box)
    seen = picture(window)[top : top + tall, left : left + wide]
    red = (seen[..., 0] - seen[..., 1:].max(-1)) > 60
    columns = np.flatnonzero(red.any(0))
    middle = (tall + np.array([-0.98, 0.98]) * tall) / 2
    rows = np.flatnonzero(red.any(1))
    assert red.sum() > 500
    assert middle[0] < rows.min()
    assert rows.max() < middle[1]
    assert (wide - tall) / 2 < columns.min()
    assert columns.max() < (wide + tall) / 2


@pytest.mark.parametrize(("width", "columns"), [(360, 1), (1200, 2)])
def test_slices_are_below_each_other_on_phones(opened, volume, width, columns):
    window = opened(field_page("Slices", volume), f"document.querySelector('.panels') && {DRAWN}", width, 900)
    boxes = window.run(
        "[...document.querySelectorAll('.panels > svg')].map(one => one.getBoundingClientRect())"
        ".map(({ left, right, top }) => [left, right, top])"
    )
    assert len(boxes) == 2
    assert len({round(left) for left, _, _ in boxes}) == columns
    assert all(left >= 0 and right - left > 200 and right <= width for left, right, _ in boxes)


@pytest.mark.parametrize("width", [360, 620, 1200])
def test_a_colour_bar_leaves_scenes_as_wide_as_tall(opened, water, volume, width):
    figure = plot_colored_surfaces(volume, water, "O", color_channel="H")
    window = opened(Page("Colours").figure(figure), DRAWN, width, 900)
    size = window.run(f"(({{ w, h }}) => ({{ w, h }}))({PLOT}._fullLayout._size)")
    assert size["w"] >= size["h"] > 200
    assert window.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("draw", [interactive_surfaces, lambda one: animate_surfaces({"a": one, "b": one})])
def test_cells_are_seen_in_the_dark_too(opened, volume, draw):
    crystal = Volume(volume.values, volume.grid, volume.channels, atoms=volume.atoms, periodic=(True, True, True))
    window = opened(Page("Crystal").figure(draw(crystal)), DRAWN, 700, 900)
    shown = f"{PLOT}._fullData.find(one => one.name === 'cell').line.color"
    swatch = "getComputedStyle([...document.querySelectorAll('.swatch')].pop()).backgroundColor"
    try:
        for scheme, color, code in (
            ("dark", "rgb(154, 165, 176)", "#9aa5b0"),
            ("light", "rgb(92, 102, 112)", "#5c6670"),
        ):
            window.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            window.wait(f"{shown} === '{code}'")
            assert window.run(swatch) == color
            for step in window.run("[...document.querySelectorAll('input[aria-label=Step]')].map(one => one.max)"):
                press(window, "document.querySelector('input[aria-label=Step]')", "ArrowRight", int(step))
                assert window.run(shown) == code
    finally:
        window.call("Emulation.setEmulatedMedia", features=[])
    assert window.errors == []


def test_other_figures_of_plotly_keep_their_colours_and_have_their_frames(opened, volume):
    frames = [go.Frame(data=[go.Scatter(y=[level, 2 * level])], traces=[1]) for level in (3, 4)]
    moving = go.Figure([go.Scatter(y=[1, 2], name="fixed"), go.Scatter(y=[3, 6], name="moving")], frames=frames)
    window = opened(
        Page("Others").figure(moving).figure(interactive_surfaces(volume, "O")), "document.querySelector('.xtick')"
    )
    try:
        window.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        window.run(SETTLED)
        assert window.run("getComputedStyle(document.querySelector('.xtick text')).fill") == "rgb(42, 63, 95)"
        step = "document.querySelector('input[aria-label=Step]')"
        press(window, step, "ArrowRight")
        assert window.run(f"{step}.ariaValueText") == "2"
        window.wait(f"{PLOT}._fullData[1].y[1] === 8")
        assert window.run(f"[...{PLOT}._fullData[0].y]") == [1, 2]
    finally:
        window.call("Emulation.setEmulatedMedia", features=[])


def test_a_figure_that_cannot_be_drawn_leaves_the_others(opened, volume):
    page = Page("Broken").figure(interactive_surfaces(volume, "O")).figure(interactive_surfaces(volume, "H"))
    page._parts[1] = page._parts[1].replace('application/gzip">H4s', 'application/gzip">xxx', 1)
    drawn = "document.querySelectorAll('.plot')[1]._fullLayout"
    window = opened(page, drawn)
    assert window.run(f"{PLOT}.textContent").startswith("This browser cannot draw the figure (")


@pytest.mark.skipif(int(plotly.__version__.split(".")[0]) < 7, reason="plotly 6 keeps the colours of drawn words")
def test_words_in_figures_are_dark_on_paper(opened, water, volume):
    figure = plot_colored_surfaces({"a": volume, "b": volume}, water, "O", color_channel="H")
    window = opened(Page("Paper").figure(figure), DRAWN, 700, 900)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    fills = "[...new Set([...document.querySelectorAll('.plot text')].map(one => getComputedStyle(one).fill))]"
    try:
        window.call("Emulation.setEmulatedMedia", features=dark)
        window.wait(f"{fills}.join() === 'rgb(230, 234, 238)'")
        window.call("Emulation.setEmulatedMedia", media="print", features=dark)
        assert window.run(fills) == ["rgb(29, 35, 41)"]
    finally:
        window.call("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("draw", [plot_surfaces, interactive_surfaces])
def test_long_names_of_fields_stand_above_their_scenes(opened, volume, width, draw):
    names = [
        "reconstruction by a method with quite some options",
        "unbroken_name_of_a_file_without_any_spaces_2026.cube",
        "<b>a & b</b>" * 20,
        "short",
    ]
    figure = draw(dict.fromkeys(names, volume), "O")
    window = opened(Page("Names").figure(figure), DRAWN, width, 900)
    parts = "(({ left, right, top, bottom }) => [left, right, top, bottom])"
    boxes = window.run(
        f"[...document.querySelectorAll('.annotation-text')].map(one => {parts}(one.getBoundingClientRect()))"
    )
    left, right, _, _ = window.run(f"{parts}({PLOT}.getBoundingClientRect())")
    assert len(boxes) == 4
    assert all(box[0] >= left and box[1] <= right for box in boxes)
    for one, other in combinations(boxes, 2):
        assert one[1] < other[0] or other[1] < one[0] or one[3] < other[2] or other[3] < one[2]
    scenes = window.run(
        f"[...document.querySelectorAll('.gl-container > div')].map(one => {parts}(one.getBoundingClientRect()))"
    )
    for box, scene in zip(boxes, scenes, strict=True):
        assert box[3] <= scene[2] + 2, "a heading is above its scene"
        assert abs((box[0] + box[1]) - (scene[0] + scene[1])) < 4


@pytest.mark.parametrize(("factor", "first"), [(1e-7, "rgb(68, 1, 84) 0%"), (-3e9, "rgb(103, 0, 31) 0%")])
def test_the_switch_of_a_coloured_surface_and_its_bar_tell_its_scale(opened, water, volume, factor, first):
    figure = plot_colored_surfaces(volume, factor * water, "O", color_channel="O")
    window = opened(Page("Colours").figure(figure), DRAWN, 700, 900)
    assert first in window.run("getComputedStyle(document.querySelector('.swatch')).backgroundImage")
    ticks = window.run("[...document.querySelectorAll('.cbaxis text')].map(one => one.textContent)")
    assert any("×10" in tick for tick in ticks)
    assert not any(letter in "".join(ticks) for letter in "nμkMGB")


@pytest.mark.parametrize("factor", [1e-46, 1e45])
def test_colours_of_a_surface_do_not_depend_on_the_unit(opened, water, volume, factor):
    seen = []
    for by in (water.on(volume.grid), Volume(factor * volume.values.double(), volume.grid, volume.channels)):
        figure = plot_colored_surfaces(volume, by, "O", color_channel="H", color_unit="<i>", color_title="H")
        window = opened(Page("Colours").figure(figure), DRAWN, 700, 900)
        left, top, right, bottom = window.run(
            f"(box => [box.left, box.top, box.right - 160, box.bottom].map(Math.round))({PLOT}.getBoundingClientRect())"
        )
        seen.append(picture(window)[top:bottom, left:right])
    assert "&lt;i&gt;" in figure.data[0].hovertemplate
    apart = np.abs(seen[0] - seen[1]).max(-1)
    # the scene is a little smaller beside longer numbers
    assert (apart > 3).mean() < 0.01
    assert len(np.unique(seen[1].reshape(-1, 3), axis=0)) > 300
