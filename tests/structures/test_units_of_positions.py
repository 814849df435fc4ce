import warnings

import ase
import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from rdkit import Chem
from rdkit.Chem import AllChem

from tg_molfield import from_ase, from_rdkit
from tg_molfield.structures import StructureWarning, read

IN_ANGSTROM = {"nm": 10.0, "bohr": 0.529177210544, "pm": 0.01}


def stretched(name: str, unit: str) -> ase.Atoms:
    atoms = molecule(name)
    atoms.positions /= IN_ANGSTROM[unit]
    return atoms


@pytest.mark.parametrize("unit", IN_ANGSTROM)
@pytest.mark.parametrize("name", ["CH3CH2OH", "H2O", "C6H6", "SiH4", "HCN", "bicyclobutane", "CH3SH"])
def test_positions_in_another_unit_are_told(name, unit):
    with pytest.warns(StructureWarning, match=f"pos: expected positions in Å, got distances that are bonds in {unit} "):
        from_ase(stretched(name, unit))


@pytest.mark.parametrize("name", ["CCl4", "CO2", "SO2"])
def test_positions_in_nm_are_told_without_hydrogens(name):
    with pytest.warns(StructureWarning, match="bonds in nm"):
        from_ase(stretched(name, "nm"))


def test_many_molecules_in_another_unit_are_told():
    waters = [molecule("H2O") for _ in range(8)]
    for number, water in enumerate(waters):
        water.positions += 3.1 * np.array(np.unravel_index(number, (2, 2, 2)))
    box = sum(waters[1:], waters[0])
    for unit, length in IN_ANGSTROM.items():
        moved = ase.Atoms(box.numbers, box.positions / length)
        with pytest.warns(StructureWarning, match=f"bonds in {unit} "):
            from_ase(moved)


@pytest.mark.parametrize("unit", IN_ANGSTROM)
def test_files_and_rdkit_molecules_in_another_unit_are_told(unit, tmp_path):
    path = tmp_path / "molecules.xyz"
    frames = [stretched(name, unit) for name in ("CH3OH", "CH4")]
    path.write_text(
        "".join(
            f"{len(atoms)}\n\n"
            + "".join(
                f"{s} {x:.8f} {y:.8f} {w:.8f}\n" for s, (x, y, w) in zip(atoms.symbols, atoms.positions, strict=True)
            )
            for atoms in frames
        )
    )
    with pytest.warns(StructureWarning, match=rf"record 1: pos: .* bonds in {unit} .*; convert them \(and 1 more\)"):
        read(path)
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    AllChem.EmbedMolecule(mol, randomSeed=0)
    AllChem.TransformMol(mol, np.diag([1 / IN_ANGSTROM[unit]] * 3 + [1.0]))
    with pytest.warns(StructureWarning, match=f"bonds in {unit} "):
        from_rdkit(mol)


CRYSTALS = {
    "LiH": bulk("LiH", "rocksalt", a=4.08, cubic=True),
    "PdH": bulk("PdH", "rocksalt", a=4.09, cubic=True),
    "CsH": bulk("CsH", "rocksalt", a=6.38, cubic=True),
    "NaCl": bulk("NaCl", "rocksalt", a=5.64, cubic=True),
    "Ar": bulk("Ar", "fcc", a=5.3, cubic=True) * (2, 2, 2),
    "Cs": bulk("Cs", "bcc", a=6.05, cubic=True) * (2, 2, 2),
}
SPARSE = {
    "H2 at a distance of 1.4 Å": ase.Atoms("H2", [[0, 0, 0], [1.4, 0, 0]]),
    "oxygens of water": ase.Atoms("O8", np.indices((2, 2, 2)).reshape(3, -1).T * 2.8),
    "a trace of alpha carbons": ase.Atoms("C9", np.arange(9)[:, None] * [3.8, 0, 0]),
    "argon": ase.Atoms("Ar3", [[0, 0, 0], [3.8, 0, 0], [1.9, 3.3, 0]]),
    "fermium": ase.Atoms("FmO2", [[0, 0, 0], [1.9, 0, 0], [-1.9, 0, 0]]),
    "ions": ase.Atoms("NaClNaCl", [[0, 0, 0], [4.5, 0, 0], [9, 0, 0], [13.5, 0, 0]]),
}


@pytest.mark.parametrize("atoms", [*CRYSTALS.values(), *SPARSE.values()], ids=[*CRYSTALS, *SPARSE])
def test_what_is_in_angstrom_passes(atoms):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_ase(atoms)


def test_all_molecules_of_g2_pass():
    from ase.collections import g2

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in g2.names:
            from_ase(molecule(name), dtype=torch.float64)
