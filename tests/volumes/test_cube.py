"""CUBE files compared with ASE, and in the number formats of other programs."""

import gzip
import re

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import read_cube

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import AtomList, VolumeWarning
from tg_molfield.structures import from_ase
from tg_molfield.volumes.cube import BOHR

AXES = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, 0.6))

TINY = """a comment
another
    1   {origin}    0.0 0.0
    {sign}1    {unit} 0.0 0.0
    {sign}2    0.0 {unit} 0.0
    {sign}3    0.0 0.0 {unit}
    8    8.0   0.0 0.0 {unit}
  {values}
"""
PLAIN = "1.0E+00 -2.5E+00 3.0E-05\n 4.0 5.0E-100 -6.0E+00"


def tiny(tmp_path, origin="1.0", sign=" ", unit="2.0", values=PLAIN, newline="\n"):
    path = tmp_path / "tiny.cube"
    text = TINY.format(origin=origin, sign=sign, unit=unit, values=values)
    path.write_bytes(text.replace("\n", newline).encode())
    return path


@pytest.mark.parametrize("channels", ["C", "H C O"])
def test_ase_reads_the_cube_file(tmp_path, channels):
    grid = Grid((-2.0, -2.0, -3.0), AXES, (7, 8, 9))
    volume = MolField(channels)(from_ase(molecule("CH3CH2OH"), dtype=torch.float64)).on(grid)
    volume.save(tmp_path / "a.cube")
    with open(tmp_path / "a.cube") as stream:
        content = read_cube(stream)
    assert np.allclose(content["datas"], volume.values, rtol=1e-5, atol=1e-99)
    assert np.allclose(content["origin"], volume.grid.origin, atol=1e-6)
    assert np.allclose(content["spacing"], volume.grid.axes, atol=1e-6)
    assert np.allclose(content["atoms"].positions, volume.atoms.pos, atol=1e-6)


def test_maximum_is_at_the_atom_for_ase(tmp_path):
    data = from_ase(molecule("CH3CH2OH"))
    MolField("O", width_scale=0.3)(data).on(Grid.around(data.pos, spacing=0.1, margin=1.0)).save(tmp_path / "a.cube")
    with open(tmp_path / "a.cube") as stream:
        content = read_cube(stream)
    node = np.unravel_index(content["data"].argmax(), content["data"].shape)
    oxygen = content["atoms"].positions[content["atoms"].numbers == 8][0]
    assert np.abs(content["origin"] + np.array(node) @ content["spacing"] - oxygen).max() <= 0.0501


@pytest.mark.parametrize(
    ("name", "shape", "atoms"),
    [
        ("acrolein_density.cube.gz", (77, 69, 96), 8),
        ("h2o_dimer_dens.cube.gz", (14, 12, 14), 6),
        ("h2o_dimer_elf.cube.gz", (14, 12, 14), 6),
        ("h2o_dimer_grad.cube.gz", (14, 12, 14), 6),
        ("aelta_triclinic.cube.gz", (12, 12, 12), 72),
        ("benzene_mo21.cube.gz", (55, 55, 40), 12),
    ],
)
def test_real_cube_files_agree_with_ase(data_dir, name, shape, atoms):
    path = data_dir / "volumes" / name
    volume = Volume.read(path, dtype=torch.float64)
    with gzip.open(path, "rt") as stream:
        content = read_cube(stream)
    assert volume.grid.shape == shape
    assert len(volume.atoms.z) == atoms
    assert np.allclose(volume.values[0], content["data"])
    assert np.allclose(volume.atoms.pos, content["atoms"].positions, atol=1e-6)
    assert np.allclose(volume.grid.axes, content["spacing"], atol=1e-7)


def test_density_integrates_to_its_electrons(data_dir):
    volume = Volume.read(data_dir / "volumes" / "acrolein_density.cube.gz")
    assert float(volume.integral()[0]) / BOHR**3 == pytest.approx(22.026, abs=1e-3)


def test_orbital_is_normalised(data_dir):
    volume = Volume.read(data_dir / "volumes" / "benzene_mo21.cube.gz", dtype=torch.float64)
    squared = float((volume.values**2).sum()) * volume.grid.voxel_volume / BOHR**3
    assert squared == pytest.approx(1, abs=1e-3)


EXPECTED = [1.0, -2.5, 3e-5, 4.0, 5e-100, -6.0]


@pytest.mark.parametrize(
    "values",
    [
        PLAIN,
        PLAIN.replace("E", "D"),
        PLAIN.replace("E", "e"),
        "1.0D+00 -2.5D+00 3.0D-05\n 4.0 5.0-100 -6.0D+00",
        "1.00000E+00-2.50000E+00 3.00000E-05\n 4.0 5.00000E-100-6.00000E+00",
    ],
    ids=["plain", "D exponents", "lower case", "no letter", "no space"],
)
def test_spellings_of_numbers(tmp_path, values):
    volume = Volume.read(tiny(tmp_path, values=values), dtype=torch.float64)
    assert volume.values.flatten().tolist() == EXPECTED


@pytest.mark.parametrize(("sign", "scale"), [(" ", BOHR), ("-", 1.0)])
def test_units(tmp_path, sign, scale):
    volume = Volume.read(tiny(tmp_path, sign=sign, origin="1.0D+00"), dtype=torch.float64)
    assert volume.grid.shape == (1, 2, 3)
    assert volume.grid.origin == pytest.approx((scale, 0, 0))
    assert volume.grid.axes[2] == pytest.approx((0, 0, 2 * scale))
    assert volume.atoms.pos[0].tolist() == pytest.approx([0, 0, 2 * scale])


def test_windows_line_ends(tmp_path):
    assert Volume.read(tiny(tmp_path, newline="\r\n"), dtype=torch.float64).values.flatten().tolist() == EXPECTED


def test_labels_over_several_lines(tmp_path):
    labels = "  12 " + " ".join(map(str, range(1, 11))) + "\n 11 12\n"
    text = TINY.format(origin="0.0", sign=" ", unit="1.0", values=labels + " ".join(map(str, range(72))))
    (tmp_path / "a.cube").write_text(text.replace("    1   0.0", "   -1   0.0"))
    volume = Volume.read(tmp_path / "a.cube")
    assert volume.values.shape == (12, 1, 2, 3)
    assert volume.values[3, 0, 0].tolist() == [3, 15, 27]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": "1.0 two 3.0 4.0 5.0 6.0"}, "value 2: expected a number, got 'two'"),
        ({"values": "1 2 3 4 5 6 7"}, "= 6 values by the header, got 7; .* damaged"),
        ({"values": ""}, "by the header, got 0; .* cut short"),
        ({"origin": "x"}, "line 3: expected 4 or 5 numbers"),
        ({"unit": "0.0"}, "axes: expected three step vectors that span space"),
    ],
)
def test_damaged(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        Volume.read(tiny(tmp_path, **change))


@pytest.mark.parametrize("labels", ["", "zero 1", "0", "-3 1 2"])
def test_labels_announced_but_missing(tmp_path, labels):
    text = TINY.format(origin="0.0", sign=" ", unit="1.0", values=labels)
    (tmp_path / "a.cube").write_text(text.replace("    1   0.0", "   -1   0.0"))
    with pytest.raises(ValueError, match="expected the number of data sets after the atoms"):
        Volume.read(tmp_path / "a.cube")


def test_one_value_a_node_is_not_announced(tmp_path):
    """The fifth number of line 3, which many programs do not expect, is written only where it is not 1."""
    volume = MolField("C O")(from_ase(molecule("CH3CH2OH"))).on(Grid.cube((0, 0, 0), 4, 3))
    for channels, expected in (("C", 4), (("C", "O"), 5)):
        (path,) = volume[channels].save(tmp_path / "a.cube")
        assert len(path.read_text().splitlines()[2].split()) == expected
        assert Volume.read(path).channels == volume[channels].channels


def test_fields_that_touch_are_read_by_columns(data_dir):
    volume = Volume.read(data_dir / "reports" / "B60.cube")
    assert volume.grid.origin == pytest.approx((-100 * BOHR,) * 3)
    assert volume.grid.shape == (2, 2, 2)
    assert volume.atoms.z.tolist() == [17]
    assert volume.atoms.pos[0].tolist() == pytest.approx([-100 * BOHR, -100 * BOHR, -99 * BOHR])
    assert volume.values.flatten().tolist() == list(range(8))


TOUCHING = """a
b
    1-100.500000 200.000000-300.000000    2
    1    1.000000    0.000000    0.000000
    1    0.000000    1.000000    0.000000
    1    0.000000    0.000000    1.000000
   17   17.000000100000.00000-100.000000  -99.000000
1 2
"""


def test_numbers_that_touch_without_a_sign(tmp_path):
    (tmp_path / "a.cube").write_text(TOUCHING)
    volume = Volume.read(tmp_path / "a.cube", dtype=torch.float64)
    assert volume.grid.origin == pytest.approx((-100.5 * BOHR, 200 * BOHR, -300 * BOHR))
    assert volume.channels == ("0", "1")
    assert volume.atoms.pos[0].tolist() == pytest.approx([1e5 * BOHR, -100 * BOHR, -99 * BOHR])


def test_touching_fields_of_other_widths(tmp_path):
    lines = TOUCHING.replace(
        "    1-100.500000 200.000000-300.000000    2", "    1    -100.500000000-200.000000000-300.000000000"
    )
    (tmp_path / "a.cube").write_text(lines.replace("1 2\n", "1\n"))
    assert Volume.read(tmp_path / "a.cube").grid.origin == pytest.approx((-100.5 * BOHR, -200 * BOHR, -300 * BOHR))


def test_ghost_atoms_of_counterpoise_calculations(tmp_path):
    (tmp_path / "a.cube").write_text(TOUCHING.replace("   17   17", "    0    0"))
    with pytest.warns(VolumeWarning, match="1 atoms with atomic number 0"):
        assert Volume.read(tmp_path / "a.cube").atoms is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"origin": (-6e4, 0.0, 0.0)}, "the origin of 6e+04"),
        ({"axes": ((1e30, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))}, "a step of 1e+30"),
        ({"pos": torch.tensor([[0.0, 0.0, 6e5]])}, "an atom of 6e+05"),
    ],
)
def test_lengths_that_run_into_each_other_are_not_written(tmp_path, change, what):
    grid = Grid(change.get("origin", (0.0, 0.0, 0.0)), change.get("axes", np.eye(3).tolist()), (2, 2, 2))
    atoms = AtomList(torch.tensor([6]), change.get("pos", torch.zeros(1, 3)))
    volume = Volume(torch.ones(1, 2, 2, 2), grid, ["C"], atoms=atoms)
    message = rf"a\.cube: expected lengths that fit the columns of a CUBE file, got {re.escape(what)} Å; write an \.npz"
    with pytest.raises(ValueError, match=message):
        volume.save(tmp_path / "a.cube")
    assert not list(tmp_path.iterdir())


def test_steps_that_vanish_are_refused_with_the_files_name(tmp_path):
    (tmp_path / "a.cube").write_text(TOUCHING.replace("1.000000    0.000000    0.000000", "0.0 0.0 0.0", 1))
    with pytest.raises(ValueError, match=r"a\.cube: axes: expected three step vectors that span space"):
        Volume.read(tmp_path / "a.cube", dtype=torch.float64)
