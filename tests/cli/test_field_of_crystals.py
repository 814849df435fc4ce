"""``tg-molfield field`` of crystals, slabs and chains, built and read back by ASE."""

import numpy as np
import pytest
from ase.build import add_adsorbate, bulk, fcc111, molecule, nanotube
from ase.io import read, write
from ase.io.cube import read_cube
from commands import run

from tg_molfield import Volume


def slab():
    atoms = fcc111("Cu", (2, 2, 2), vacuum=6.0)
    add_adsorbate(atoms, molecule("CO"), 1.9, "ontop")
    atoms.info.clear()
    return atoms


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("nacl.cif", bulk("NaCl", "rocksalt", 5.64)), ("slab.xyz", slab()), ("tube.xyz", nanotube(4, 0, vacuum=5))],
    ids=["crystal", "slab", "tube"],
)
def test_a_cube_has_the_cell(tmp_path, name, atoms):
    write(tmp_path / name, atoms)
    path = tmp_path / "a.cube"
    run("field", tmp_path / name, "-o", path, "--spacing", "0.8", "--channels", "heavy")
    with path.open() as stream:
        cube = read_cube(stream)
    given, found = read(tmp_path / name), cube["atoms"]
    np.testing.assert_allclose(found.cell.array, given.cell.array, atol=1e-6)
    assert found.get_chemical_symbols() == given.get_chemical_symbols()
    volume = Volume.read(path)
    assert volume.periodic == tuple(given.pbc.tolist())
    np.testing.assert_allclose(cube["data"], volume.values[0].numpy(), atol=1e-5)


def test_a_margin_gives_a_box_around_the_atoms(tmp_path):
    write(tmp_path / "slab.xyz", slab())
    run("field", tmp_path / "slab.xyz", "-o", tmp_path / "a.npz", "--spacing", "0.8", "--margin", "2")
    volume = Volume.read(tmp_path / "a.npz")
    assert volume.periodic == (False, False, False)
    assert volume.grid.is_orthogonal


def test_pages_and_pictures_of_slabs_show_the_cell(tmp_path, figures_of):
    pytest.importorskip("plotly", reason="needs the extra viz")
    pytest.importorskip("skimage", reason="needs the extra viz")
    write(tmp_path / "slab.xyz", slab())
    page, picture = tmp_path / "a.html", tmp_path / "a.svg"
    run("field", tmp_path / "slab.xyz", "-o", page, "-o", picture, "--preset", "vdw", "--spacing", "0.8")
    assert "cell" in [trace.get("name") for trace in figures_of(page.read_text())[0]["data"]]
    assert picture.stat().st_size > 1000
