import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.compare import screen
from tg_molfield.fields import MolField
from tg_molfield.structures import from_smiles
from tg_molfield.viz import hits_page


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles, properties=()) for smiles in ("CCO", "CCN", "CCCC")]


def test_a_page_lists_all_hits_and_draws_the_first(molecules):
    for data in molecules:
        data.name = f"<{data.name}>"
    hits = screen(molecules[0], molecules)
    page = hits_page("Found & drawn", hits, molecules[:1], subtitle="below", facts={"records": 3}, overlays=2).html()
    assert page.count('class="plot"') == 2
    assert "Found &amp; drawn" in page
    assert "<CCO>" not in page
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    assert table.count("<tr>") == 3
    assert "1. &lt;CCO&gt;, score 1.000" in page
    short = hits_page("few", hits, molecules[:1], rows=1, overlays=0).html()
    assert "the first 1 of 3" in short
    assert 'class="plot"' not in short


def test_surfaces_of_another_field(molecules, figures_of):
    hits = screen(molecules[0], molecules[:1])
    (figure,) = figures_of(hits_page("one", hits, molecules[:1], MolField("all")).html())
    assert "all  " in str([trace["name"] for trace in figure["data"]])


@pytest.mark.filterwarnings("ignore:query. expected molecules with shape:tg_molfield.structures.StructureWarning")
def test_molecules_without_a_surface_are_drawn_all_the_same():
    pair = Data(z=torch.tensor([1, 1]), pos=torch.tensor([[0.0, 0, 0], [0.74, 0, 0]]), name="hydrogen")
    for query, library in (
        (pair, pair),
        (pair, from_smiles("C", properties=())),
        (from_smiles("C", properties=()), pair),
    ):
        page = hits_page("bare", screen(query, library), [query]).html()
        assert page.count('class="plot"') == 1
