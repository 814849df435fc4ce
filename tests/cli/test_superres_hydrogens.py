"""``superres`` with a channel of hydrogen, of structures that lack some of their hydrogens."""

import warnings

import pytest
from ase.build import molecule
from ase.io import write

from tg_molfield.cli.superres.inputs import structure_problem
from tg_molfield.structures import StructureWarning

CALL = {"record": 1, "beta": 0.25, "train": 8, "evaluate": [10]}


@pytest.fixture
def ethanol(tmp_path):
    """Ethanol with the hydrogen of OH alone, as files of united atoms have it, and with all."""
    whole = molecule("CH3CH2OH")
    oxygen = next(atom.index for atom in whole if atom.symbol == "O")
    polar = [i for i, atom in enumerate(whole) if atom.symbol != "H" or whole.get_distance(i, oxygen) < 1.2]
    write(tmp_path / "united.xyz", whole[polar])
    write(tmp_path / "whole.xyz", whole)
    return tmp_path


def test_missing_hydrogens_are_warned_of(ethanol):
    with pytest.warns(StructureWarning, match="channel H lacks them"):
        structure_problem(str(ethanol / "united.xyz"), None, channels="C H", **CALL)


@pytest.mark.parametrize(("name", "channels"), [("whole.xyz", "C H"), ("united.xyz", "C O")])
def test_whole_molecules_and_other_channels_are_not(ethanol, name, channels):
    with warnings.catch_warnings():
        warnings.simplefilter("error", StructureWarning)
        structure_problem(str(ethanol / name), None, channels=channels, **CALL)


LINE = "{:<6}{:>5} {:<4} {:<3} {}{:>4}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2}\n"
PROTEIN = [("N", 0.0, 0.0, "N"), ("CA", 1.46, 0.0, "C"), ("C", 2.0, 1.42, "C"), ("O", 1.25, 2.4, "O")]


@pytest.fixture
def pocket(ethanol):
    """An alanine with only the hydrogen of its N, beside whole ethanol."""
    atoms = [*PROTEIN, ("H", -0.5, -0.87, "H"), ("CB", 2.0, -1.4, "C")]
    lines = [
        LINE.format("ATOM", i, name, "ALA", "A", 1, x, y, 0.0, symbol) for i, (name, x, y, symbol) in enumerate(atoms)
    ]
    for i, atom in enumerate(molecule("CH3CH2OH")):
        x, y, z = atom.position
        lines.append(LINE.format("HETATM", 10 + i, f"{atom.symbol}{i}", "EOH", "B", 2, x, y, z + 6.0, atom.symbol))
    (ethanol / "complex.pdb").write_text("".join(lines) + "END\n")
    return str(ethanol / "complex.pdb")


def test_each_part_is_looked_at_by_itself(pocket):
    with pytest.warns(StructureWarning, match=r"channel protein\.H lacks them"):
        structure_problem(pocket, "EOH", channels="C H", **CALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StructureWarning)
        structure_problem(pocket, "EOH", channels="C ligand.H", **CALL)
