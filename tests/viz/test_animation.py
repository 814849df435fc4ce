import pytest
import torch

from tg_molfield.fields import AtomList, Grid, RBFField, Volume
from tg_molfield.viz import Page, animate_surfaces, interactive_animation


def moving(water):
    grid = Grid.around(water.centers, spacing=0.4, margin=3.0)
    for step in range(3):
        pos = water.centers + 0.3 * step
        atoms = AtomList(water.atoms.z, pos)
        yield RBFField(pos, water.weights, water.widths, channels=water.channels, atoms=atoms).on(grid)


def test_every_step_is_a_frame_with_the_same_traces(water, figures_of):
    volumes = dict(zip("abc", moving(water), strict=True))
    figure = animate_surfaces(volumes, title="moving")
    assert [frame.name for frame in figure.frames] == ["a", "b", "c"]
    assert [step.label for step in figure.layout.sliders[0].steps] == ["a", "b", "c"]
    for frame in figure.frames:
        assert [trace.name.split()[0] for trace in frame.data] == ["H", "O", "bonds", "atoms"]
    low = [min(frame.data[1].z) for frame in figure.frames]
    assert low[1] - low[0] == pytest.approx(0.3, abs=0.06)
    assert len(figures_of(Page("moving").figure(figure).html())[0]["frames"]) == 3


def test_a_surface_that_is_gone_leaves_an_empty_trace(water):
    first, second, _ = moving(water)
    figure = animate_surfaces({"there": first, "gone": second * 0.1}, channels="O")
    assert len(figure.frames[0].data[0].x) > 0
    assert len(figure.frames[1].data[0].x) == 0


def test_nothing_to_show():
    with pytest.raises(ValueError, match="volumes: expected at least one Volume, got none"):
        animate_surfaces({})


def test_names_are_no_markup(water):
    volumes = {f"<i>{i}": Volume(v.values[:1], v.grid, ["<b>"]) for i, v in enumerate(moving(water))}
    figure = animate_surfaces(volumes)
    assert figure.data[0].name.split()[0] == "&lt;b&gt;"
    step = figure.layout.sliders[0].steps[1]
    assert (step.label, list(step.args[0]), figure.frames[1].name) == ("&lt;i&gt;1", ["<i>1"], "<i>1")


def test_channels_that_appear_later_are_shown(water):
    first = next(moving(water))
    empty, full = (Volume(torch.stack([first.values[0], k * first.values[1]]), first.grid, "HO") for k in (0.0, 1.0))
    figure = animate_surfaces({"before": empty, "after": full})
    assert [trace.name.split()[0] for trace in figure.data] == ["H", "O"]
    assert len(figure.frames[0].data[1].x) == 0
    assert len(figure.frames[1].data[1].x) == len(animate_surfaces({"after": full}, "O").data[0].x) > 0


def test_levels_on_pages_begin_where_those_of_an_animation_are(water):
    volumes = dict(zip("abc", moving(water), strict=True))
    surfaces = interactive_animation(volumes, unit="V")
    labels = [trace.name for trace in animate_surfaces(volumes, unit="V").data[:2]]
    assert [f"{one['name']}  {one['level']:.3g} {one['unit']}" for one in surfaces.live["channels"]] == labels
    assert [frame.name for frame in surfaces.figure.frames] == ["a", "b", "c"]
    assert len(surfaces.live["scenes"]) == 3
    assert all(channel["logarithmic"] for channel in surfaces.live["channels"])
    assert surfaces.note == ""


def test_signed_channels_of_an_animation_have_two_surfaces(water):
    grid = Grid.around(water.centers, spacing=0.4, margin=3.0)
    charges = RBFField(water.centers, torch.tensor([[-0.8], [0.4], [0.4]]), 0.6, channels=["q"]).on(grid)
    surfaces = interactive_animation({"one": charges, "two": charges}, max_nodes=12**3)
    assert [(one["trace"], one["side"]) for one in surfaces.live["traces"]] == [(0, 1), (1, -1)]
    assert [trace.color for trace in surfaces.figure.data[:2]] == surfaces.live["channels"][0]["colors"]
    assert surfaces.note.startswith(" Surfaces are made from samples every 0.")


def test_animations_on_pages_refuse_what_has_no_surface(water):
    flat = water.on(Grid((0.0, 0.0, 0.0), ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5)), (4, 4, 1)))
    with pytest.raises(ValueError, match="expected at least 2 nodes per axis for a surface, got 4×4×1"):
        interactive_animation({"flat": flat})
    with pytest.raises(ValueError, match="volumes: expected at least one Volume, got none"):
        interactive_animation({})


def test_a_single_volume_has_its_label_above_and_no_slider(water, volume):
    bare = Volume(volume.values, volume.grid, volume.channels)
    for figure in (animate_surfaces({"<b>": volume}), interactive_animation({"<b>": bare}).figure):
        assert not figure.frames
        assert not figure.layout.sliders
        assert not figure.layout.updatemenus
        assert figure.layout.annotations[0].text == "<b>at &lt;b&gt;</b>"
    assert len(animate_surfaces({"a": volume}).data[0].x) > 0


@pytest.mark.parametrize("animated", [animate_surfaces, lambda steps: interactive_animation(steps).figure])
def test_steps_without_what_others_have_have_the_same_traces(water, volume, animated):
    values, grid, channels = volume.values, volume.grid, volume.channels
    nothing = AtomList(water.atoms.z[:0], water.atoms.pos[:0])
    steps = {
        "bare": Volume(values, grid, channels),
        "none": Volume(values, grid, channels, atoms=nothing),
        "atoms": volume,
        "cell": Volume(values, grid, channels, periodic=(True, True, True)),
    }
    figure = animated(steps)
    kinds = [[trace.name.split()[0] for trace in frame.data] for frame in figure.frames]
    assert kinds == [["H", "O", "bonds", "atoms", "cell"]] * 4
    assert [len(frame.data[3].x) for frame in figure.frames] == [0, 0, 3, 0]
    assert [len(frame.data[4].x) for frame in figure.frames] == [0, 0, 0, 36]
    without = animated({name: steps[name] for name in ("bare", "none")})
    assert {trace.type for trace in without.data} == {"mesh3d"}
