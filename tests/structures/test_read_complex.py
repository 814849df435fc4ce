import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.structures import StructureWarning, from_rdkit, read, read_complex

RESIDUES = ("residue_number", "chain", "hetero", "water")


@pytest.fixture(scope="module")
def complexes(data_dir):
    return data_dir / "complexes"


def test_1iep(complexes):
    data = read_complex(complexes / "1iep_protein.pdb.gz", complexes / "1iep_ligand.sdf")
    assert torch.bincount(data.part).tolist() == [69, 4412]
    assert data.part.equal(data.part.sort().values)
    ligand = read(complexes / "1iep_ligand.sdf")[0]
    assert torch.equal(data.pos[:69], ligand.pos)
    assert torch.equal(data.z[:69], ligand.z)
    assert set(data.keys()) == {"z", "pos", "part", "name", *RESIDUES}
    assert data.name == "STI"
    protein = read(complexes / "1iep_protein.pdb.gz")[0]
    assert all(torch.equal(data[key][69:], protein[key]) for key in RESIDUES)
    assert [set(data[key][:69].tolist()) for key in RESIDUES] == [{1}, {int(protein.chain.max()) + 1}, {True}, {False}]


@pytest.mark.filterwarnings("ignore:hydrogens:")
@pytest.mark.filterwarnings("ignore:.*184l_ligand.sdf.*hydrogens")
def test_paths_data_and_molecules_are_the_same(complexes):
    protein, ligand = complexes / "184l_protein.pdb.gz", complexes / "184l_ligand.sdf"
    mol = Chem.MolFromMolFile(str(ligand), removeHs=False)
    expected = read_complex(str(protein), str(ligand), dtype=torch.float64)
    for a, b in [
        (read(protein, dtype=torch.float64)[0], ligand),
        (protein, mol),
        (read(protein, dtype=torch.float64)[0], from_rdkit(mol, dtype=torch.float64)),
    ]:
        found = read_complex(a, b, dtype=torch.float64)
        assert torch.equal(found.pos, expected.pos)
        assert torch.equal(found.z, expected.z)
        assert torch.equal(found.part, expected.part)


def test_the_ligand_in_the_protein_file_is_left_out(complexes):
    protein, ligand = complexes / "6w70_protein.pdb.gz", complexes / "6w70_ligand.sdf"
    data = read_complex(protein, ligand)
    ligand_pos, protein_pos = data.pos[data.part == 0], data.pos[data.part == 1]
    assert len(ligand_pos) == 59
    assert float(torch.cdist(ligand_pos, protein_pos).min()) > 1.5
    with pytest.raises(ValueError, match=r"at least 0.5 Å from the protein, got 59 closer ones.*hetero=False"):
        read_complex(protein, ligand, hetero=True)


def test_a_ligand_far_from_the_protein_is_warned_of(pdb_file):
    path = pdb_file(PROTEIN)
    near, far = (Data(z=torch.tensor([6]), pos=torch.tensor([[distance, 0.0, 0.0]])) for distance in (9.0, 60.0))
    read_complex(path, near)
    with pytest.warns(
        StructureWarning, match=r"made\.pdb and ligand: expected a ligand within 10.0 Å of the pr"
    ) as told:
        read_complex(path, far)
    assert told[0].filename == __file__


def test_residue_of_the_protein_file(complexes):
    path = complexes / "1vsn_complex.pdb.gz"
    entry = read(path)[0]
    data = read_complex(path, "NFT")
    assert torch.bincount(data.part).tolist() == [33, 1917 - 33 - int(entry.water.sum())]
    assert not data.water.any()
    wet = read_complex(path, "NFT/A/283", waters=True)
    assert wet.num_nodes == 1917
    assert wet.hetero[:33].all()
    assert set(wet.keys()) == {"z", "pos", "part", "name", "residue_number", "chain", "hetero", "water"}


def test_a_residue_that_is_there_several_times(complexes):
    path = complexes / "4kya_complex.pdb.gz"
    with pytest.raises(ValueError, match=r"'UMP' once as ligand, got it 8 times; choose one: UMP/A/701, UMP/B/701"):
        read_complex(path, "UMP")
    data = read_complex(path, "UMP/B")
    alone = read_complex(path, "UMP/B/701", hetero=True)
    assert int((data.part == 0).sum()) == int((alone.part == 0).sum()) == 20
    assert alone.num_nodes > data.num_nodes


def test_a_residue_that_is_not_there(complexes):
    with pytest.raises(ValueError, match=r"'LIG' as ligand, got a file without it; .* ligands and ions: NFT/A/283"):
        read_complex(complexes / "1vsn_complex.pdb.gz", "LIG")
    with pytest.raises(ValueError, match=r"protein: expected a file with residues \(.pdb, .ent, .cif, .mmcif\)"):
        read_complex(complexes / "1iep_ligand.sdf", "LIG")


def test_mmcif_residue(data_dir):
    from_pdb = read_complex(data_dir / "volumes" / "3nzd.pdb.gz", "D2Q", dtype=torch.float64)
    from_cif = read_complex(data_dir / "volumes" / "3nzd.cif.gz", "D2Q", dtype=torch.float64)
    assert torch.equal(from_pdb.pos, from_cif.pos)
    assert torch.equal(from_pdb.part, from_cif.part)


def test_several_records_are_refused(data_dir):
    with pytest.raises(ValueError, match=r"expected 1 record as ligand, got 2048"):
        read_complex(data_dir / "complexes" / "1iep_protein.pdb.gz", data_dir / "ensembles" / "alanine_confs.xyz.gz")
    with pytest.raises(ValueError, match=r"expected 1 model as protein, got 38"):
        read_complex(data_dir / "ensembles" / "1l2y_nmr.pdb.gz", data_dir / "complexes" / "1iep_ligand.sdf")
    with pytest.raises(ValueError, match=r"expected 1 model as protein and LIG, got 38"):
        read_complex(data_dir / "ensembles" / "1l2y_nmr.pdb.gz", "LIG")


def test_own_keys_join_where_both_have_them():
    def molecule(offset, **values):
        return Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0]]) + offset, **values)

    ligand = molecule(0.0, mine=torch.tensor([1.0, 2.0]), other=torch.ones(2))
    data = read_complex(molecule(5.0, mine=torch.tensor([3.0, 4.0])), ligand)
    assert data.mine.tolist() == [1, 2, 3, 4]
    assert "other" not in data
    assert data.part.tolist() == [0, 0, 1, 1]


def test_a_ligand_without_residues_is_one_of_its_own():
    protein = Data(z=torch.tensor([7]), pos=torch.full((1, 3), 3.0), residue_number=torch.tensor([9]))
    ligand = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))
    joined = read_complex(protein, ligand)
    assert joined.residue_number.tolist() == [1, 9]
    assert set(joined.keys()) == {"z", "pos", "part", "name", "residue_number"}
    assert "residue_number" not in ligand
    ligand.residue_number = torch.tensor([4])
    protein.chain = torch.tensor([0])
    joined = read_complex(protein, ligand)
    assert joined.residue_number.tolist() == [4, 9]
    assert joined.chain.tolist() == [1, 0]


def test_what_belongs_to_the_whole_molecule_is_not_used():
    ligand = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3), energy=torch.tensor(-1.0), pbc=[False] * 3)
    protein = Data(z=torch.tensor([7]), pos=torch.full((1, 3), 3.0), cell=torch.eye(3))
    joined = read_complex(ligand, protein)
    assert set(joined.keys()) == {"z", "pos", "part", "name"}


def test_what_is_no_source(complexes):
    with pytest.raises(TypeError, match=r"ligand: expected a path, a Data or an rdkit.Chem.Mol, got int"):
        read_complex(complexes / "1iep_protein.pdb.gz", 3)
    with pytest.raises(FileNotFoundError, match=r"absent\.sdf"):
        read_complex(complexes / "1iep_protein.pdb.gz", "absent.sdf")
    water = Data(z=torch.tensor([8]), pos=torch.zeros(1, 3), water=torch.tensor([True]))
    with pytest.raises(ValueError, match="protein: expected atoms other than waters"):
        read_complex(water, Data(z=torch.tensor([6]), pos=torch.ones(1, 3)))


def test_float64_coordinates_do_not_lose_digits_silently():
    far = Data(z=torch.tensor([6]), pos=torch.full((1, 3), 1e4, dtype=torch.float64))
    near = Data(z=torch.tensor([6]), pos=torch.full((1, 3), 1e4 + 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"expected coordinates that torch\.float32 represents"):
        read_complex(near, far, dtype=torch.float32)
    assert read_complex(near, far, dtype=torch.float64).pos[1, 0] == 10003


def test_waters_by_any_name_are_left_out(data_dir):
    assert read_complex(data_dir / "reports" / "B17.pdb", "LIG", hetero=True).z.tolist() == [6, 8, 7, 6]


def test_what_is_left_out_need_not_be_readable(data_dir):
    path = data_dir / "reports" / "B21.pdb"
    assert read_complex(path, "LIG").z.tolist() == [6, 8, 7, 6]
    ligand = Data(z=torch.tensor([6]), pos=torch.full((1, 3), 5.0))
    assert read_complex(path, ligand).z.tolist() == [6, 7, 6]
    with pytest.raises(ValueError, match=r"B21.pdb: atom 'UNK' of UNX/A/91: expected a chemical element, got 'X'"):
        read_complex(path, "LIG", hetero=True)


PROTEIN = "ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C"
LIGAND = "HETATM    2  C1  LIG A  90       {:5.3f}   0.000   0.000  {:4.2f}  0.00           C"
WATER = (
    "HETATM    3  OW  SOL A  91      15.000   0.000   0.000  1.00  0.00",
    "HETATM    4  MW  SOL A  91      15.100   0.000   0.000  1.00  0.00",
)


def test_sites_without_mass_matter_only_with_waters(pdb_file):
    path = pdb_file(PROTEIN, LIGAND.format(5, 1), *WATER)
    assert read_complex(path, "LIG").z.tolist() == [6, 6]
    with pytest.warns(StructureWarning, match=r"made\.pdb: virtual sites: .* MW of SOL; they were left out") as caught:
        assert read_complex(path, "LIG", waters=True).z.tolist() == [6, 6, 8]
    assert caught[0].filename == __file__


def test_a_ligand_in_several_locations(pdb_file):
    first, second = (
        LIGAND.format(x, occupancy).replace(" C1  LIG", f" C1 {location}{name}")
        for x, occupancy, location, name in ((5, 0.4, "A", "LIG"), (6, 0.6, "B", "LIG"))
    )
    path = pdb_file(PROTEIN, first, second)
    assert read_complex(path, "LIG").pos[:, 0].tolist() == [6, 0]
    path = pdb_file(PROTEIN, first.replace("LIG", "LAG"), second)
    assert read_complex(path, "LIG/A/90").pos[:, 0].tolist() == [6, 0]
    with pytest.raises(ValueError, match=r"made\.pdb: .* 'LAG' as ligand, got one of lower occupancy than another"):
        read_complex(path, "LAG")


def test_copies_that_share_a_number_cannot_be_told_apart(pdb_file):
    path = pdb_file(PROTEIN, LIGAND.format(5, 1), LIGAND.format(8, 1))
    with pytest.raises(ValueError, match=r"made\.pdb: .* got it 2 times; give each of them its own number or chain"):
        read_complex(path, "LIG/A/90")


def test_errors_name_the_files(pdb_file, tmp_path):
    path = pdb_file(PROTEIN, LIGAND.format(5, 1), PROTEIN.replace("CA  ALA A   1       0", "C1  LAG A  91       9"))
    near = Data(z=torch.tensor([6]), pos=torch.full((1, 3), 0.1))
    with pytest.raises(
        ValueError, match=r"made\.pdb and ligand: expected ligand atoms at least 0.5 Å from the protein"
    ):
        read_complex(path, near)
    with pytest.raises(ValueError, match=r"made\.pdb: expected atoms other than waters and hetero atoms, got none"):
        read_complex(pdb_file(LIGAND.format(5, 1), LIGAND.format(8, 1).replace("A  90", "A  91")), "LIG/A/90")
    with pytest.raises(ValueError, match=r"made\.pdb: record 1: line 2: expected x"):
        read_complex(pdb_file(PROTEIN, LIGAND.format(5, 1).replace("5.000", "5_000")), "LIG")
