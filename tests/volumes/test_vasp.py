"""Files of VASP compared with ASE, and in the forms that other versions write."""

import warnings

import ase
import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.vasp import VaspChargeDensity

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import AtomList, VolumeWarning
from tg_molfield.structures import from_ase

CELL = ((4.0, 0.0, 0.0), (1.0, 5.0, 0.0), (0.0, 0.5, 6.0))
SHAPE = (4, 5, 6)
ATOMS = ase.Atoms("OH2C", [[0, 0, 0], [1.0, 0, 0], [0, 1, 0], [2, 2.5, 3]], cell=CELL, pbc=True)


def density(channels=("density",), seed=0) -> Volume:
    values = torch.rand(len(channels), *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    atoms = AtomList(torch.from_numpy(ATOMS.numbers).long(), torch.from_numpy(ATOMS.positions))
    return Volume(values, Grid.from_cell(CELL, SHAPE), channels, atoms=atoms, periodic=True)


def by_ase(path) -> VaspChargeDensity:
    return VaspChargeDensity(str(path))


@pytest.mark.parametrize("channels", [("density",), ("density", "magnetization")])
def test_ase_reads_what_is_written(tmp_path, channels):
    volume = density(channels)
    (path,) = volume.save(tmp_path / "CHGCAR")
    theirs = by_ase(path)
    assert np.allclose(theirs.chg[0], volume.values[0], rtol=1e-9)
    assert len(theirs.chgdiff) == len(channels) - 1
    if theirs.chgdiff:
        assert np.allclose(theirs.chgdiff[0], volume.values[1], rtol=1e-9)
    assert np.allclose(theirs.atoms[0].positions, ATOMS.positions)
    assert np.allclose(theirs.atoms[0].cell, CELL)
    assert theirs.atoms[0].numbers.tolist() == ATOMS.numbers.tolist()


@pytest.mark.parametrize(
    "name", ["CHGCAR", "CHGCAR_sum", "a.vasp", "LOCPOT", "ELFCAR-1.gz", "PARCHG", "PARCHG.0012.0001", "AECCAR0"]
)
def test_saved_and_read_is_the_same(tmp_path, name):
    volume = density(("up", "down"))
    (path,) = volume.save(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if name == "a.vasp" else "error", VolumeWarning)
        back = Volume.read(path, dtype=torch.float64)
    assert torch.allclose(back.values, volume.values, rtol=1e-9)
    assert back.channels == ("up", "down")
    assert back.periodic == (True, True, True)
    assert np.allclose(back.grid.axes, volume.grid.axes)
    assert torch.equal(back.atoms.z, volume.atoms.z)
    assert torch.allclose(back.atoms.pos, volume.atoms.pos)


@pytest.mark.parametrize("name", ["CHGCAR", "CHG"])
@pytest.mark.parametrize("spin", [False, True])
def test_files_of_ase_are_read(tmp_path, name, spin):
    volume = density(("a", "b"))
    theirs = VaspChargeDensity(None)
    theirs.atoms, theirs.chg = [ATOMS], [volume.values[0].numpy()]
    theirs.chgdiff = [volume.values[1].numpy()] if spin else []
    theirs.aug = theirs.augdiff = (
        "augmentation occupancies   1  2\n  0.1000000E+01  0.2\naugmentation occupancies   2  1\n 1\n"
    )
    theirs.write(str(tmp_path / name))
    back = Volume.read(tmp_path / name, dtype=torch.float64)
    assert back.channels == (("density", "magnetization") if spin else ("density",))
    assert torch.allclose(back.values, volume.values[: 1 + spin], rtol=1e-4 if name == "CHG" else 1e-9)
    assert torch.allclose(back.atoms.pos, volume.atoms.pos)


def test_electrons_are_counted(tmp_path):
    """The mean of CHGCAR's numbers is the number of electrons, the integral of the density."""
    (tmp_path / "CHGCAR").write_text(text(values=[8.0] * 12))
    assert float(Volume.read(tmp_path / "CHGCAR").integral()[0]) == pytest.approx(8)


def text(
    scale="1.0",
    species="  O_s/12ab Hf\n  1 1",
    places="Direct\n 0 0 0\n 0.5 0.5 0.25 T T F",
    values=tuple(range(12)),
    more="",
    title="a title",
) -> str:
    numbers = " ".join(f"{x:.5E}" for x in values)
    return f"{title}\n {scale}\n 2 0 0\n 0 3 0\n 0 0 4\n{species}\n{places}\n\n  2 2 3\n {numbers}\n{more}"


def test_elements_counts_and_order(tmp_path):
    (tmp_path / "LOCPOT").write_text(text())
    volume = Volume.read(tmp_path / "LOCPOT")
    assert volume.channels == ("potential",)
    assert volume.atoms.z.tolist() == [8, 72]
    assert volume.atoms.pos.tolist() == [[0, 0, 0], [1, 1.5, 1]]
    assert volume.values[0, :, 0, 0].tolist() == [0, 1]
    assert volume.values[0, 0, :, 0].tolist() == [0, 2]
    assert volume.values[0, 0, 0].tolist() == [0, 4, 8]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("2.0", (4, 6, 8)), ("-192.0", (4, 6, 8)), ("1 2 3", (2, 6, 12)), ("0.2D+01", (4, 6, 8)), ("2.0 Å", (4, 6, 8))],
)
def test_scales(tmp_path, scale, expected):
    places = "Selective dynamics\nCartesian\n 0 0 0 T T T\n 1 1 1 T T T"
    (tmp_path / "LOCPOT").write_text(text(scale=scale, places=places))
    volume = Volume.read(tmp_path / "LOCPOT", dtype=torch.float64)
    assert volume.grid.cell.diagonal().tolist() == pytest.approx(expected)
    assert volume.atoms.pos[1].tolist() == pytest.approx([a / b for a, b in zip(expected, (2, 3, 4), strict=True)])


def test_remarks_after_the_numbers(tmp_path):
    (tmp_path / "LOCPOT").write_text(
        text().replace(" 2 0 0\n", " 2 0 0 ! a\n").replace("0.5 0.25 T T F", "0.5 0.25 Hf1")
    )
    volume = Volume.read(tmp_path / "LOCPOT")
    assert volume.grid.cell.diagonal().tolist() == [2, 3, 4]
    assert volume.atoms.pos[1].tolist() == [1, 1.5, 1]


def test_files_before_version_5_have_the_elements_in_the_title_if_at_all(tmp_path):
    (tmp_path / "LOCPOT").write_text(text(species=" 1 1", title="O Hf"))
    assert Volume.read(tmp_path / "LOCPOT").atoms.z.tolist() == [8, 72]
    (tmp_path / "LOCPOT").write_text(text(species=" 1 1", title="water"))
    with pytest.warns(VolumeWarning, match="LOCPOT: it names no elements for its 2 atoms"):
        assert Volume.read(tmp_path / "LOCPOT").atoms is None


def test_second_potential_after_a_number_for_each_atom(tmp_path):
    (tmp_path / "LOCPOT").write_text(text(more="  0.0 0.0\n  2 2 3\n" + " ".join(["1.0"] * 12) + "\n"))
    volume = Volume.read(tmp_path / "LOCPOT")
    assert volume.channels == ("potential up", "potential down")
    assert volume.values.sum((1, 2, 3)).tolist() == [66, 12]


def test_a_name_that_does_not_tell_what_it_holds(tmp_path):
    (tmp_path / "water.vasp").write_text(text(values=[24.0] * 12))
    with pytest.warns(VolumeWarning, match=r"water\.vasp: its name does not say what it holds"):
        assert Volume.read(tmp_path / "water.vasp").values.flatten().tolist() == [1] * 12
    (tmp_path / "water_LOCPOT.vasp").write_text(text(values=[24.0] * 12))
    assert Volume.read(tmp_path / "water_LOCPOT.vasp").values.flatten().tolist() == [24] * 12


def test_the_field_is_where_its_atoms_are_whatever_the_origin(tmp_path):
    data = from_ase(bulk("NaCl", "rocksalt", a=5.6, cubic=True))
    field = MolField("Na Cl", width_scale=0.8)(data)
    for origin, exact in (((0.4, -0.8, 2.0), True), ((0.13, 0.0, 0.0), False)):
        volume = field.on(Grid.from_cell(data.cell[0], (14, 14, 14), origin)).interpolated("cubic", True)
        if exact:
            (path,) = volume.save(tmp_path / "CHGCAR")
        else:
            with pytest.warns(VolumeWarning, match="interpolated at nodes moved by"):
                (path,) = volume.save(tmp_path / "CHGCAR")
        back = Volume.read(path)
        assert back.grid.origin == (0, 0, 0)
        assert torch.allclose(back.values, field.on(back.grid).values, atol=1e-5 if exact else 5e-3)
        assert np.allclose(by_ase(path).chg[0], back.values[0], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"periodic": False}, "expected a volume that is periodic along all axes.*sample a crystal on its cell"),
        ({"atoms": None}, "expected a volume with atoms, got none"),
        ({"channels": "abc"}, "expected 1, 2 or 4 channels, got 3"),
    ],
)
def test_what_the_format_cannot_hold(tmp_path, change, message):
    volume = density(tuple(change.get("channels", "a")))
    if "atoms" in change:
        volume = volume.with_atoms(None)
    with pytest.raises(ValueError, match=rf"CHGCAR: {message}"):
        volume.interpolated("linear", change.get("periodic", True)).save(tmp_path / "CHGCAR")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text(values=range(11)), "expected 2×2×3 nodes = 12 values by the header, got 11; .* cut short"),
        (text(values=range(13)), "by the header, got 13; .* damaged"),
        (text(scale="x"), "line 2: expected a scale, got 'x'"),
        (text(scale="0"), "axes: expected three step vectors that span space"),
        (text(species=" O H\n 1 1000000000"), "line 11: expected the place of an atom"),
        (text(species=" O H\n 1 -1"), "line 7: expected numbers of atoms"),
        (text(species=" O H\n 1 x"), "line 7: expected a number of atoms for each element"),
        (text(places="Direct\n 0 0 0\n 0 0"), "line 10: expected the place of an atom"),
        (text(places="Direct\n 0 0 0\n 0 0 nan"), "line 10: expected the place of an atom"),
        (text().split("Direct")[0], "expected a line after line 7, got the end; .* cut short"),
        (text().replace("2 2 3", "2 2"), "expected three numbers of nodes"),
        (text().replace("2 2 3", "0 2 3"), "expected three numbers of nodes"),
        (text().replace("2 2 3", "100000 100000 100000"), "100000×100000×100000 nodes = 10{15} values by the header"),
        (text(more=" 2 2 3\n 1 2 3\n"), "got 3; .* cut short"),
    ],
)
def test_damaged(tmp_path, content, message):
    (tmp_path / "CHGCAR").write_text(content)
    with pytest.raises(ValueError, match=rf"CHGCAR: .*{message}|CHGCAR: {message}"):
        Volume.read(tmp_path / "CHGCAR")


@pytest.mark.parametrize("name", ["chg.sdf", "CHGCAR.txt", "locpotential", "XCHGCAR"])
def test_other_names_are_no_files_of_vasp(tmp_path, name):
    (tmp_path / name).write_text(text())
    with pytest.raises(ValueError, match="expected a volume file"):
        Volume.read(tmp_path / name)


@pytest.mark.parametrize("name", ["PARCHG.0012.ALLK", "PARCHG.ALLB.0001", "PARCHG.0012.0001.gz", "parchg.1.1_diff"])
def test_partial_densities_of_a_band_or_a_point_are_known_by_their_names(tmp_path, name):
    volume = density()
    with warnings.catch_warnings():
        warnings.simplefilter("error", VolumeWarning)
        (path,) = volume.save(tmp_path / name)
        assert torch.allclose(Volume.read(path, dtype=torch.float64).values, volume.values, rtol=1e-9)
