import pytest
import torch
from browser import SETTLED

from tg_molfield.fields import AtomList, Grid, RBFField


@pytest.fixture(scope="session")
def water():
    pos = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
    weights = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    atoms = AtomList(torch.tensor([8, 1, 1]), pos)
    return RBFField(pos, weights, 0.6, channels=("H", "O", "S"), atoms=atoms)


@pytest.fixture(scope="session")
def volume(water):
    return water.on(Grid.around(water.centers, spacing=0.4, margin=2.5))


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page, wait until it is drawn, and expect neither errors nor requests nor columns cut off."""

    def open_page(page, drawn, width=1200, height=900):
        page.save(tmp_path / "page.html")
        browser.open(tmp_path / "page.html", width, height)
        browser.wait(drawn)
        browser.run(SETTLED)
        assert browser.errors == []
        assert browser.requests == []
        assert browser.run("document.documentElement.scrollWidth") <= width
        return browser

    return open_page
