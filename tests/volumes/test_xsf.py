"""XSF files compared with ASE, and as other programs write them."""

import ase
import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.io.xsf import read_xsf, write_xsf

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import VolumeWarning
from tg_molfield.structures import from_ase

CRYSTAL = """# a comment of QE
CRYSTAL
 PRIMVEC
    2.0  0.0  0.0
    0.0  2.0  0.0
    0.0  0.0  3.0
 CONVVEC
    2.0  0.0  0.0
    0.0  2.0  0.0
    0.0  0.0  3.0
 PRIMCOORD
 2 1
  O   0.0 0.0 0.0   0.1 0.2 0.3
  1   1.0 1.0 1.5   0.1 0.2 0.3
BEGIN_BLOCK_DATAGRID_3D
3D_PWSCF
{grids}
END_BLOCK_DATAGRID_3D
"""
HEAD = "{name}\n 3 3 2\n {origin}\n {span} 0.0 0.0\n 0.0 2.0 0.0\n 0.0 0.0 1.0\n"
VALUES = "1 2 1\n 3 4 3\n 1 2 1\n  5 6 5\n 7 8 7\n 5 6 5\n"


def grid(name="BEGIN_DATAGRID_3D_UNKNOWN", origin="0.0 0.0 0.5", span="2.0", values=VALUES, end="END_DATAGRID_3D"):
    return HEAD.format(name=name, origin=origin, span=span) + values + end


def crystal(path, *grids) -> Volume:
    path.write_text(CRYSTAL.format(grids="\n".join(grids or [grid()])))
    return Volume.read(path)


def by_ase(path):
    with open(path) as stream:
        return read_xsf(stream, read_data=True)


def test_repeated_nodes_of_a_period_are_left_out(tmp_path):
    volume = crystal(tmp_path / "a.xsf")
    assert volume.periodic == (True, True, False)
    assert volume.grid == Grid((0, 0, 0.5), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (2, 2, 2))
    assert volume.values[0, :, :, 0].tolist() == [[1, 3], [2, 4]]
    assert volume.values[0, :, :, 1].tolist() == [[5, 7], [6, 8]]
    assert volume.atoms.z.tolist() == [8, 1]
    assert volume.atoms.pos.tolist() == [[0, 0, 0], [1, 1, 1.5]]
    data, origin, spans, atoms = by_ase(tmp_path / "a.xsf")
    assert np.array_equal(data[:2, :2], volume.values[0])
    assert np.allclose(origin, volume.grid.origin)
    assert np.allclose(spans / [[2], [2], [1]], volume.grid.axes)
    assert atoms.numbers.tolist() == [8, 1]


def test_part_of_a_cell_with_equal_ends_is_not_periodic(tmp_path):
    assert crystal(tmp_path / "a.xsf", grid(span="1.0")).periodic == (False, True, False)


def test_a_period_whose_ends_differ_is_told_of(tmp_path):
    with pytest.warns(
        VolumeWarning, match="vector 1 of the grid is a period of the crystal, but the last nodes do not"
    ):
        volume = crystal(tmp_path / "a.xsf", grid(values=VALUES.replace("1 2 1", "1 2 9")))
    assert volume.periodic == (False, True, False)
    assert volume.grid.shape == (3, 2, 2)


@pytest.mark.parametrize("kind", ["SLAB", "POLYMER", "MOLECULE", "DIM-GROUP\n 2 1"])
def test_directions_that_repeat(tmp_path, kind):
    text = CRYSTAL.format(grids=grid()).replace("CRYSTAL", kind)
    (tmp_path / "a.xsf").write_text(text)
    expected = {"SLAB": (True, True), "POLYMER": (True, False), "MOLECULE": (False, False)}.get(kind, (True, True))
    assert Volume.read(tmp_path / "a.xsf").periodic == (*expected, False)


def test_several_grids_are_channels(tmp_path):
    volume = crystal(tmp_path / "a.xsf", grid("BEGIN_DATAGRID_3D_up"), grid("BEGIN_DATAGRID_3D_down", values="2 " * 18))
    assert volume.channels == ("up", "down")
    assert volume.values[1].unique().tolist() == [2]
    same = crystal(tmp_path / "a.xsf", grid("DATAGRID_3D_x"), grid("DATAGRID_3D_x"))
    assert same.channels == ("0", "1")
    with pytest.raises(
        ValueError, match=r"a\.xsf: expected grids with the same nodes, got others for 'b' than for 'a'"
    ):
        crystal(tmp_path / "a.xsf", grid("DATAGRID_3D_a"), grid("DATAGRID_3D_b", origin="0 0 0"))


def test_two_lists_of_atoms_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.xsf: line 32: expected one list of atoms, got another; split the file"):
        crystal(tmp_path / "a.xsf", f"{grid()}\nEND_BLOCK_DATAGRID_3D\nPRIMCOORD\n 1 1\n 8 0 0 0")


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("channels", ["C", "C O"])
def test_ase_reads_what_is_written(tmp_path, periodic, channels):
    data = from_ase(molecule("CH3CH2OH"), dtype=torch.float64)
    volume = MolField(channels)(data).on(Grid((-2.0, -2.0, -3.0), ((0.4, 0.1, 0), (0, 0.5, 0), (0, 0, 0.6)), (7, 8, 9)))
    volume.interpolated("linear", periodic).save(tmp_path / "a.xsf")
    values, origin, spans, atoms = by_ase(tmp_path / "a.xsf")
    counts = np.array(volume.grid.shape) - (0 if periodic else 1)
    assert np.allclose(values[:7, :8, :9], volume.values[0], rtol=1e-12)
    assert values.shape == ((8, 9, 10) if periodic else (7, 8, 9))
    assert np.allclose(values[-1, :8, :9], volume.values[0, 0 if periodic else -1], rtol=1e-12)
    assert np.allclose(origin, volume.grid.origin)
    assert np.allclose(spans, np.array(volume.grid.axes) * counts[:, None])
    assert np.allclose(atoms.positions, volume.atoms.pos)
    assert atoms.pbc.tolist() == [periodic] * 3
    if periodic:
        assert np.allclose(atoms.cell, volume.grid.cell)


def test_files_of_ase_are_read(tmp_path):
    """ASE's own spanning vectors reach over the cell; given ones are those of the nodes."""
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    values = np.pad(values, (0, 1), mode="wrap")
    with open(tmp_path / "a.xsf", "w") as stream:
        write_xsf(stream, [atoms], data=values, origin=np.zeros(3), span_vectors=np.array(atoms.cell))
    volume = Volume.read(tmp_path / "a.xsf", dtype=torch.float64)
    assert volume.periodic == (True, True, True)
    assert np.allclose(volume.values[0], values[:-1, :-1, :-1], atol=1e-6)
    assert np.allclose(volume.grid.cell, atoms.cell)
    assert volume.atoms.z.tolist() == atoms.numbers.tolist()


def test_atoms_without_a_cell(tmp_path):
    atoms = ase.Atoms("OH", [[0, 0, 0], [0, 0, 1.0]], cell=[2, 2, 2])
    with open(tmp_path / "a.xsf", "w") as stream:
        write_xsf(stream, [atoms], data=np.arange(8.0).reshape(2, 2, 2), origin=np.ones(3), span_vectors=np.eye(3))
    volume = Volume.read(tmp_path / "a.xsf")
    assert volume.periodic == (False, False, False)
    assert volume.values.flatten().tolist() == list(range(8))
    assert volume.grid.origin == (1, 1, 1)
    assert volume.atoms.pos.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_what_is_not_needed_is_passed_over(tmp_path):
    text = CRYSTAL.format(grids=grid())
    info = "BEGIN_INFO\n Fermi Energy: 0.1\nEND_INFO\n"
    plane = (
        "BEGIN_BLOCK_DATAGRID_2D\n a\nBEGIN_DATAGRID_2D_x\n 1 1\n 0 0 0\n1 0 0\n0 1 0\n5\nEND_DATAGRID_2D\n"
        "END_BLOCK_DATAGRID_2D\n"
    )
    coordinates = " CONVCOORD\n 1 1\n  8 0 0 0\n"
    (tmp_path / "a.xsf").write_text(info + text.replace("BEGIN_BLOCK", coordinates + plane + "\n\nBEGIN_BLOCK", 1))
    volume = Volume.read(tmp_path / "a.xsf")
    assert len(volume.atoms.z) == 2
    assert volume.periodic == (True, True, False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3 3 2", "3 3 3", "expected 3×3×3 nodes = 27 values by the header, got 18; .* cut short"),
        ("3 3 2", "3 3", "line 18: expected 3 whole numbers, got '3 3'"),
        ("3 3 2", "3 3 2.5", "line 18: expected 3 whole numbers"),
        ("3 3 2", "0 3 2", "expected positive numbers of nodes"),
        ("3 3 2", "900000 900000 900000", "nodes = 729000000000000000 values by the header, got 18"),
        ("5 6 5", "5 six 5", "value 11: expected a number, got 'six'"),
        ("2 1\n  O", "900000000 1\n  O", "expected an atom and its place|more atoms"),
        ("2 1\n  O", "x\n  O", "expected numbers of atoms, got 'x'"),
        ("  O  ", "  Xx ", "line 13: expected an atom and its place"),
        ("  1   1.0", "  1   1_0", "line 14: expected an atom and its place"),
        ("CRYSTAL", "ANIMSTEPS 5\nCRYSTAL", "expected one structure, got an animation"),
        ("CRYSTAL", "CRYSTALS", "line 2: expected a keyword of XSF, got 'CRYSTALS'"),
        ("2.0 0.0 0.0\n 0.0 2.0 0.0", "2.0 0.0 0.0\n 2.0 0.0 0.0", "axes: expected three step vectors that span space"),
        (grid(), "", r"expected a grid \(BEGIN_BLOCK_DATAGRID_3D\), got none"),
    ],
)
def test_damaged(tmp_path, old, new, message):
    text = CRYSTAL.format(grids=grid())
    assert old in text
    (tmp_path / "a.xsf").write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"a\.xsf: .*({message})"):
        Volume.read(tmp_path / "a.xsf")


def test_the_spans_that_ase_writes_by_default_are_told(tmp_path):
    atoms, values = bulk("Cu", cubic=True), np.random.default_rng(0).normal(size=(4, 5, 6))
    ase.io.write(tmp_path / "a.xsf", atoms, data=values)
    with pytest.warns(VolumeWarning, match=r"\(n \+ 1\)/n times those of the cell, as ASE writes them by default"):
        Volume.read(tmp_path / "a.xsf")
    shape = np.array(values.shape)[:, None]
    with open(tmp_path / "b.xsf", "w") as stream:
        write_xsf(
            stream, [atoms], data=values, origin=np.zeros(3), span_vectors=np.array(atoms.cell) * (shape - 1) / shape
        )
    volume = Volume.read(tmp_path / "b.xsf")
    np.testing.assert_allclose(np.array(volume.grid.axes) * shape, atoms.cell, atol=1e-5)


@pytest.mark.parametrize(
    ("label", "number"), [("Fe1", 26), ("Fe_u", 26), ("O-h", 8), ("FE2", 26), ("C", 6), ("26", 26)]
)
def test_kinds_of_an_element_are_that_element(tmp_path, label, number):
    text = CRYSTAL.format(grids=grid()).replace("  O   0.0 0.0 0.0", f"  {label} 0.0 0.0 0.0")
    (tmp_path / "kinds.xsf").write_text(text)
    assert Volume.read(tmp_path / "kinds.xsf").atoms.z.tolist() == [number, 1]
    atoms = f"ATOMS\n {label} 0.0 0.0 0.0\n 1 0.0 0.0 0.9\n" + text[text.index("BEGIN_BLOCK") :]
    (tmp_path / "molecule.xsf").write_text(atoms)
    assert Volume.read(tmp_path / "molecule.xsf").atoms.z.tolist() == [number, 1]


@pytest.mark.parametrize("label", ["Qq1", "1Fe", "Fe+3", "X"])
def test_labels_of_no_element_are_refused(tmp_path, label):
    (tmp_path / "kinds.xsf").write_text(CRYSTAL.format(grids=grid()).replace("  O   0.0", f"  {label} 0.0"))
    with pytest.raises(ValueError, match="expected an atom and its place"):
        Volume.read(tmp_path / "kinds.xsf")
