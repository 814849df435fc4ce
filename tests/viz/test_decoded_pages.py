import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, from_smiles
from tg_molfield.nn import DecodedMolecules
from tg_molfield.viz import samples_page, walk_page
from tg_molfield.viz.decoded import shares

BROKEN = Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0, 0], [4.0, 0, 0]]))


def decoded(*smiles, channels="H C O all"):
    molecules = [from_smiles(one, properties=()) if one else BROKEN for one in smiles]
    molecules = [Data(z=one.z, pos=one.pos) for one in molecules]
    return DecodedMolecules(molecules, MolField(channels)(Batch.from_data_list(molecules)))


@pytest.fixture(scope="module")
def molecules():
    return decoded("CO", "", "CC=O")


def test_samples_are_drawn_and_those_that_are_molecules_have_surfaces(molecules, figures_of):
    page = samples_page("New & drawn", molecules, facts={"valid": 2}).html()
    assert "New &amp; drawn" in page
    assert page.count("<li") == 3
    assert page.count('<li class="faint">') == page.count("<span>no molecule</span>") == 1
    assert "<strong>sample 2</strong><span>no molecule</span>" in page
    assert "<strong>sample 3</strong><span>CC=O</span>" in page
    (figure,) = figures_of(page)
    assert [frame["name"] for frame in figure["frames"]] == ["sample 1", "sample 3"]
    names = {trace["name"].split()[0] for trace in figure["frames"][0]["data"]}
    assert names == {"H", "C", "O", "bonds", "atoms"}


def test_groups_go_on_counting_and_begin_with_what_was_given(molecules):
    given = {"Near a": molecules[0], "Near b": BROKEN}
    groups = {"Near a": molecules, "Near b": molecules}
    page = samples_page("near", groups, given=given, drawn=2, surfaces=0).html()
    assert page.count("<strong>given</strong>") == 2
    assert "<strong>given</strong><span>CO</span>" in page
    assert "<strong>sample 5</strong>" in page
    assert "the first 2 of 3" in page
    assert 'class="plot"' not in page


def test_without_any_molecule_atoms_are_drawn_all_the_same(figures_of):
    page = samples_page("bare", decoded("", channels="all"), surfaces=3).html()
    (figure,) = figures_of(page)
    assert figure["layout"]["annotations"][0]["text"] == "<b>sample 1</b>"
    assert {trace["name"] for trace in figure["data"]} == {"all", "bonds", "atoms"}
    assert "that are molecules" not in page


def test_a_single_molecule_among_samples_has_no_slider(figures_of):
    page = samples_page("one", decoded("", "CO", "")).html()
    (figure,) = figures_of(page)
    assert "frames" not in figure
    assert "sliders" not in figure["layout"]
    assert figure["layout"]["annotations"][0]["text"] == "<b>sample 2</b>"
    assert "<h2>Fields <small>of sample 2</small></h2>" in page
    assert "The slider goes" not in page


def test_a_walk_has_a_slider_and_a_drawing_of_each_step(molecules, figures_of):
    page = walk_page("Walk", molecules, noise=[0, 0.3, 0], text="**told**").html()
    (figure,) = figures_of(page)
    labels = ["0 %, molecule", "50 %, no molecule", "100 %, molecule"]
    assert [frame["name"] for frame in figure["frames"]] == labels
    assert page.count("<li") == 3
    assert "<strong>50 %, noise 0.30</strong><span>no molecule</span>" in page
    assert "<strong>told</strong>" in page
    with pytest.raises(ValueError, match="molecules: expected at least 2 on a way, got 1"):
        walk_page("Walk", decoded("C"))


def test_shares_of_a_way_differ():
    assert shares(3) == ["0 %", "50 %", "100 %"]
    assert shares(4) == ["0 %", "33 %", "67 %", "100 %"]
    assert len(set(shares(1001))) == 1001


def test_what_pages_of_decoded_molecules_refuse(molecules):
    for draw in (samples_page, walk_page):
        with pytest.raises(TypeError, match="molecules: expected DecodedMolecules, got list; give model"):
            draw("W", molecules[:2])
    with pytest.raises(TypeError, match=r"molecules\['b'\]: expected DecodedMolecules, got list"):
        samples_page("W", {"a": molecules, "b": molecules[:0]})
    with pytest.raises(KeyError, match="given: expected a molecule for the heading 'b', got those of 'a'"):
        samples_page("W", {"a": molecules, "b": molecules}, given={"a": molecules[0]})
    with pytest.raises(ValueError, match="noise: expected 3, one for each molecule, got 1"):
        walk_page("W", molecules, noise=[0.1])
