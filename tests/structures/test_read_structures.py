import numpy as np
import pytest
import torch
from ase.build import bulk

from tg_molfield.structures import read

LINE = (
    "{record:6}{serial:>5} {name:4}{altloc}{residue:>3} {chain}{number:>4}    "
    "{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}  0.00          {element:>2}\n"
)


def atom(name, element, x, record="ATOM", altloc=" ", residue="ALA", chain="A", number=1, occupancy=1.0):
    values = {"record": record, "serial": 1, "name": name, "altloc": altloc, "residue": residue, "chain": chain}
    return LINE.format(**values, number=number, x=x, y=0.0, z=0.0, occupancy=occupancy, element=element)


def pdb(tmp_path, *lines):
    path = tmp_path / "made.pdb"
    path.write_text("".join(lines))
    return path


def test_models_of_different_length_are_each_their_own(data_dir):
    molecules = read(data_dir / "ensembles" / "1lcd_nmr.pdb.gz")
    assert [data.num_nodes for data in molecules] == [1137, 1125, 1122]
    assert all((data.pos.norm(dim=1) > 0).all() for data in molecules)


def test_rna_hydrogens_named_ho_are_hydrogen(data_dir):
    data = read(data_dir / "complexes" / "stmv_rna.pdb.gz")[0]
    assert sorted(set(data.z.tolist())) == [1, 6, 7, 8, 15]
    assert int((data.z == 15).sum()) == 949


@pytest.mark.parametrize(
    ("name", "element", "residue", "record", "expected"),
    [
        (" CA ", "", "ALA", "ATOM", 6),
        ("CA  ", "CA", " CA", "HETATM", 20),
        ("CA  ", "CA", "ALA", "ATOM", 6),
        ("HO'2", "HO", "A", "ATOM", 1),
        ("HO  ", "HO", "HO3", "HETATM", 67),
        ("HG  ", "HG", "SER", "ATOM", 1),
        ("HG  ", "HG", " HG", "HETATM", 80),
        ("SE  ", "SE", "MSE", "HETATM", 34),
        (" D  ", "D", "ALA", "ATOM", 1),
        ("ZN  ", "ZN", " ZN", "HETATM", 30),
    ],
)
def test_elements(tmp_path, name, element, residue, record, expected):
    path = pdb(tmp_path, atom(name, element, 1.0, record=record, residue=residue))
    assert read(path)[0].z.tolist() == [expected]


def test_unknown_element_is_told(tmp_path):
    path = pdb(tmp_path, atom(" Q1 ", "", 1.0, record="HETATM", residue="LIG"))
    with pytest.raises(ValueError, match=r"record 1: atom 'Q1' of LIG/A/1: expected a chemical element, got ''"):
        read(path)


def test_one_consistent_alternate_location_a_residue(tmp_path):
    path = pdb(
        tmp_path,
        atom(" N  ", "N", 0),
        atom(" CA ", "C", 1, altloc="A", occupancy=0.3),
        atom(" CA ", "C", 2, altloc="B", occupancy=0.7),
        atom(" CB ", "C", 3, altloc="A", occupancy=0.3),
        atom(" CB ", "C", 4, altloc="B", occupancy=0.7),
        atom(" CA ", "C", 5, altloc="A", occupancy=0.5, number=2),
        atom(" CA ", "C", 6, altloc="B", occupancy=0.5, number=2),
        atom(" CA ", "C", 7, altloc="A", occupancy=0.4, number=3, residue="SER"),
        atom(" CA ", "C", 8, altloc="B", occupancy=0.6, number=3, residue="THR"),
    )
    assert read(path)[0].pos[:, 0].tolist() == [0, 2, 4, 5, 8]


def test_residues_chains_ligands_and_waters(tmp_path):
    path = pdb(
        tmp_path,
        atom(" CA ", "C", 0, number=7),
        atom("SE  ", "SE", 2, record="HETATM", residue="MSE", number=8),
        atom(" N  ", "N", 3, record="HETATM", residue="NH2", number=9),
        atom(" C1 ", "C", 4, record="HETATM", residue="LIG", chain="B", number=-1),
        atom(" O  ", "O", 6, record="HETATM", residue="HOH", chain="A", number=301),
    )
    data = read(path)[0]
    assert data.residue_number.tolist() == [7, 8, 9, -1, 301]
    assert data.chain.tolist() == [0, 0, 0, 1, 0]
    assert data.hetero.tolist() == [False, False, False, True, True]
    assert data.water.tolist() == [False, False, False, False, True]


def test_a_model_with_a_fault_is_its_own_record(tmp_path):
    good, bad = atom(" N  ", "N", 1), atom(" N  ", "N", np.nan)
    path = pdb(tmp_path, *(f"MODEL {i}\n{line}ENDMDL\n" for i, line in ((1, good), (2, bad), (3, good))))
    with pytest.raises(ValueError, match=r"record 2 \('model 2'\): line 5: expected a finite x, got nan"):
        read(path)
    with pytest.warns(UserWarning, match="expected 3 readable records, got 2"):
        assert len(read(path, errors="skip")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("REMARK nothing here\n", "expected ATOM or HETATM lines, got none"),
        (f"MODEL 1\n{atom(' N  ', 'N', 1)}ENDMDL\nMODEL 2\nENDMDL\n", "expected atoms in the model, got none"),
        (atom(" N  ", "N", 1).replace("1.000   0.000", "1.000   O.OOO"), "expected y in columns 39 to 46, got 'O.OOO'"),
    ],
)
def test_pdb_that_is_none(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(pdb(tmp_path, content))


def test_pdb_and_mmcif_of_one_entry_agree(data_dir):
    first = read(data_dir / "volumes" / "3nzd.pdb.gz", dtype=torch.float64)[0]
    second = read(data_dir / "volumes" / "3nzd.cif.gz", dtype=torch.float64)[0]
    assert torch.equal(first.z, second.z)
    assert torch.equal(first.pos, second.pos)
    assert torch.equal(first.hetero, second.hetero)
    assert torch.equal(first.water, second.water)
    assert first.name == second.name == "3NZD"


CIF = """data_salt
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{symmetry}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_disorder_group
{sites}
"""
SALT = "Na1 Na 0 0 0 1 .\nCl1 Cl 0.5 0.5 0.5 1 ."


def cif(tmp_path, a=5.64, symmetry="_space_group_name_H-M_alt 'F m -3 m'", sites=SALT):
    path = tmp_path / "salt.cif"
    path.write_text(CIF.format(a=a, symmetry=symmetry, sites=sites))
    return path


def test_crystal_fills_its_cell(tmp_path):
    data = read(cif(tmp_path), dtype=torch.float64)[0]
    expected = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    assert sorted(data.z.tolist()) == sorted(expected.numbers)
    assert data.pbc.tolist() == [[True, True, True]]
    np.testing.assert_allclose(data.cell[0], expected.cell.array, atol=1e-9)
    found = {(int(z), *np.round((p / 5.64 % 1) % 1, 6) % 1) for z, p in zip(data.z, data.pos.numpy(), strict=True)}
    wanted = {
        (int(z), *np.round((p / 5.64 % 1) % 1, 6) % 1)
        for z, p in zip(expected.numbers, expected.positions, strict=True)
    }
    assert found == wanted


def test_triclinic_cell_vectors_are_rows(tmp_path):
    from ase.geometry import cellpar_to_cell

    path = cif(tmp_path, symmetry="_space_group_name_H-M_alt 'P 1'", sites="C1 C 0.5 0 0 1 .\nC2 C 0 0 0.5 1 .")
    text = (
        path.read_text().replace("alpha 90", "alpha 80").replace("beta 90", "beta 95").replace("gamma 90", "gamma 70")
    )
    path.write_text(text)
    data = read(path, dtype=torch.float64)[0]
    cell = cellpar_to_cell([5.64, 5.64, 5.64, 80, 95, 70])
    np.testing.assert_allclose(data.cell[0], cell, atol=1e-6)
    np.testing.assert_allclose(data.pos, np.array([cell[0], cell[2]]) / 2, atol=1e-6)


def test_one_disorder_group_is_kept(tmp_path):
    sites = "C1 C 0 0 0 1 .\nO1A O 0.2 0 0 0.4 1\nO1B O 0.3 0 0 0.6 2"
    data = read(cif(tmp_path, symmetry="_space_group_name_H-M_alt 'P 1'", sites=sites), dtype=torch.float64)[0]
    assert data.z.tolist() == [6, 8]
    assert float(data.pos[1, 0]) == pytest.approx(0.3 * 5.64)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sites": "Na1 Na 0 0 0 0.5 ."}, "site 'Na1': expected full occupancy or a disorder group, got occupancy 0.5"),
        ({"sites": "C1 C 0.1 0 0 0.5 -1"}, "site 'C1': expected images by symmetry that overlap in sets, got a chain"),
        ({"symmetry": ""}, "expected a space group or symmetry operations, got none"),
        ({"sites": "Na1 Na ? 0 0 1 ."}, "site 'Na1': expected finite coordinates"),
        ({"sites": "Na1 Na 0 0 0 1 .\nK1 K 0 0 0 1 ."}, "expected no other element in its place, got 'K1'"),
        ({"a": 0}, "expected the cell of the crystal"),
    ],
)
def test_crystals_that_are_none(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read(cif(tmp_path, **changes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("garbage\n", "expected a CIF file that gemmi can read"),
        ("data_x\n_cell_length_a 1\n", "expected a block with atoms"),
    ],
)
def test_cif_that_is_none(tmp_path, content, message):
    path = tmp_path / "bad.cif"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        read(path)
