"""Molecules whose atoms have no names but their elements, as ASE, Open Babel and docking programs write them."""

import pytest
from ase.build import molecule
from ase.io import write

from tg_molfield.structures import read, read_complex


def atom(name, x, residue="UNL", number=1, location=" ", record="HETATM"):
    return (
        f"{record:6}    1  {name:<3}{location}{residue}  {number:>4}    {x:8.3f}   0.000   0.000  1.00  0.00          "
        f"{name:>2}"
    )


ETHANOL = [atom(name, x) for name, x in zip("CCOH", (0.0, 1.5, 2.9, 3.9), strict=True)]


@pytest.mark.parametrize("formula", ["CH3CH2OH", "C6H6", "H2", "N2", "CO2"])
def test_molecules_that_ase_wrote(tmp_path, formula):
    atoms = molecule(formula)
    write(tmp_path / "made.pdb", atoms)
    (data,) = read(tmp_path / "made.pdb")
    assert data.z.tolist() == atoms.numbers.tolist()
    assert abs(data.pos.numpy() - atoms.positions).max() < 1e-3


def test_a_molecule_of_open_babel_is_one_residue(pdb_file):
    protein = atom("N", -5.0, "ALA", 7, record="ATOM")
    data = read_complex(path := pdb_file(protein, *ETHANOL), "UNL")
    assert data.z.tolist() == [6, 6, 8, 1, 7]
    assert read(path)[0].hetero.tolist() == [False, True, True, True, True]


def test_two_molecules_are_two_residues(pdb_file):
    second = [atom(name, x + 20) for name, x in zip("CCOH", (0.0, 1.5, 2.9, 3.9), strict=True)]
    path = pdb_file(atom("N", -5.0, "ALA", 7, record="ATOM"), *ETHANOL, "TER", *second)
    assert read(path)[0].num_nodes == 9
    with pytest.raises(ValueError, match="expected the residue 'UNL' once as ligand, got it 2 times"):
        read_complex(path, "UNL")


def test_molecules_of_mmcif(tmp_path):
    columns = ["type_symbol", "label_atom_id", "label_comp_id", "label_asym_id", "Cartn_x", "Cartn_y", "Cartn_z"]
    rows = [f"{name} {name} LIG A {x} 0 0" for name, x in zip("CCOH", (0.0, 1.5, 2.9, 3.9), strict=True)]
    path = tmp_path / "made.cif"
    path.write_text("\n".join(["data_made", "loop_", *(f"_atom_site.{name}" for name in columns), *rows, ""]))
    assert read(path)[0].z.tolist() == [6, 6, 8, 1]


@pytest.mark.parametrize(
    "lines",
    [
        [atom("C", 0.0), atom("O", 1.2), atom("C", 0.5)],
        [atom(name, x, "ALA", record="ATOM") for name, x in (("N", 0.0), ("C", 1.5), ("C", 5.0))],
        [atom("C", 0.0), atom("C", 1.5, location="A"), atom("C", 4.5, location="A"), atom("O", 6.0)],
    ],
    ids=["too close", "amino acid", "alternate locations"],
)
def test_what_is_listed_twice_all_the_same(pdb_file, lines):
    with pytest.raises(ValueError, match="expected one such atom, got it on lines"):
        read(pdb_file(*lines))
