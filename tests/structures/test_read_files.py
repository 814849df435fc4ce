import gzip
import time

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from tg_molfield.structures import PROPERTIES, DroppedKeysWarning, from_smiles, read, to_rdkit

COUNTS = [
    ("smallmol/freesolv.sdf.gz", 642, 11613),
    ("smallmol/gdb1k_300.sdf.gz", 300, 4236),
    ("smallmol/pdb_ligands_300.sdf.gz", 300, 13868),
    ("smallmol/qm9_100.xyz.gz", 100, 1001),
    ("ensembles/alanine_confs.xyz.gz", 2048, 26624),
    ("ensembles/ethanol_md_forces_100.xyz.gz", 100, 900),
    ("ensembles/1l2y_nmr.pdb.gz", 38, 38 * 304),
    ("ensembles/neopetrosiamide_nmr.pdb.gz", 24, 24 * 392),
    ("complexes/1iep_ligand.sdf", 1, 69),
    ("complexes/184l_ligand.sdf", 1, 10),
    ("complexes/1iep_protein.pdb.gz", 1, 4412),
    ("complexes/6w70_protein.pdb.gz", 1, 2143),
    ("complexes/4kya_complex.pdb.gz", 1, 33072),
    ("complexes/stmv_rna.pdb.gz", 1, 30327),
    ("volumes/3nzd.pdb.gz", 1, 1843),
    ("volumes/3nzd.cif.gz", 1, 1843),
    ("volumes/esp.mol", 1, 18),
    ("volumes/benzene.sdf", 1, 12),
]


@pytest.mark.filterwarnings("ignore:.*184l_ligand.sdf.*hydrogens")
@pytest.mark.parametrize(("name", "records", "atoms"), COUNTS, ids=[name for name, _, _ in COUNTS])
def test_every_record_and_atom(data_dir, name, records, atoms):
    start = time.perf_counter()
    molecules = read(data_dir / name)
    assert time.perf_counter() - start < 20
    assert len(molecules) == records
    assert sum(data.num_nodes for data in molecules) == atoms
    assert len({tuple(sorted(data.keys())) for data in molecules}) == 1
    for data in molecules:
        assert data.pos.dtype == torch.float32
        assert bool(torch.isfinite(data.pos).all())
        assert int(data.z.min()) >= 1


def test_records_collate(data_dir):
    molecules = read(data_dir / "smallmol" / "freesolv.sdf.gz", labels=["expt"], properties=PROPERTIES)
    batch = next(iter(DataLoader(molecules, batch_size=642)))
    assert batch.expt.shape == (642,)
    assert batch.partial_charge.shape == (11613,)
    assert batch.name[0] == "mobley_1017962"
    assert float(batch.expt[0]) == pytest.approx(-2.49)
    for name in PROPERTIES:
        assert bool(torch.isfinite(batch[name]).all()), name


def test_forces_and_energy_as_in_the_file(data_dir):
    data = read(data_dir / "ensembles" / "ethanol_md_forces_100.xyz.gz", dtype=torch.float64)[0]
    assert data.energy.tolist() == [-97079.92222178938]
    assert data.forces[0].tolist() == [-32.31755688687498, 3.563851157625127, -8.174049461946362]
    assert data.pos[0].tolist() == [0.16712676, -1.19985031, 0.84958249]


def test_labels_of_a_comment_line(data_dir):
    data = read(data_dir / "smallmol" / "qm9_100.xyz.gz", labels=("U0", "mu"), dtype=torch.float64)[0]
    assert data.U0.tolist() == [-40.47893]
    assert data.mu.tolist() == [0.0]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("nope", r"record 1 .*'nope': expected one of the tags of the record \(expt, smiles\)"),
        ("smiles", r"'smiles': expected a number, got 'CCCCCC\(=O\)OC'"),
        ("name", "an attribute of Data"),
        ("batch", "'batch' or 'index'"),
        ("num_nodes", "an attribute of Data"),
        ("pos", "the key of position"),
    ],
)
def test_labels_that_cannot_be(data_dir, label, message):
    with pytest.raises(ValueError, match=message):
        read(data_dir / "smallmol" / "freesolv.sdf.gz", labels=label)


def test_properties_need_bonds(data_dir):
    for name in ("smallmol/qm9_100.xyz.gz", "complexes/1iep_protein.pdb.gz"):
        with pytest.raises(ValueError, match=r"expected a format with bonds for properties.*with_properties"):
            read(data_dir / name, properties=["logp"])
    with pytest.raises(ValueError, match="expected a format with labels"):
        read(data_dir / "complexes" / "1iep_protein.pdb.gz", labels="expt")


def test_unsound_chemistry_reads_until_it_is_needed(data_dir):
    path = data_dir / "bad" / "real_unsanitizable_1aj7_ligand.sdf"
    assert read(path)[0].num_nodes == 32
    assert read(path)[0].formal_charge[[1, 17]].tolist() == [2, -1]
    with pytest.raises(
        ValueError, match=r"record 1 \('1aj7_ligand'\): properties: expected a molecule that RDKit can sanitize"
    ):
        read(path, properties=["logp"])


def test_sdf_equals_smiles_chemistry(tmp_path):
    from rdkit import Chem

    data = from_smiles("CC(=O)[O-]", dtype=torch.float64)
    path = tmp_path / "acetate.sdf"
    path.write_text(Chem.MolToMolBlock(to_rdkit(data)) + "$$$$\n")
    again = read(path, dtype=torch.float64, properties=["logp"])[0]
    assert torch.equal(again.z, data.z)
    assert torch.allclose(again.pos, data.pos, atol=5.1e-5)
    assert torch.equal(again.formal_charge, data.formal_charge)
    assert torch.allclose(again.logp, data.logp)


def test_v3000(tmp_path):
    from rdkit import Chem

    data = from_smiles("CCO", dtype=torch.float64)
    path = tmp_path / "ethanol.mol"
    path.write_text(Chem.MolToV3KMolBlock(to_rdkit(data)))
    assert torch.equal(read(path)[0].z, data.z)


MOL2 = """@<TRIPOS>MOLECULE
{name}
3 2 0 0 0
SMALL
{charges}

@<TRIPOS>ATOM
1 O1 0.0000 0.0000 0.1173 O.3 1 HOH -0.8340
2 H1 0.0000 0.7572 -0.4692 H 1 HOH 0.4170
3 H2 0.0000 -0.7572 -0.4692 H 1 HOH 0.4170
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""


def test_mol2_with_charges(tmp_path):
    path = tmp_path / "water.mol2"
    path.write_text("# made by hand\n" + MOL2.format(name="one", charges="USER_CHARGES") * 2)
    first, second = read(path, dtype=torch.float64)
    assert first.name == second.name == "one"
    assert first.z.tolist() == [8, 1, 1]
    assert first.partial_charge.tolist() == [-0.834, 0.417, 0.417]
    assert first.pos[1].tolist() == [0.0, 0.7572, -0.4692]


def test_a_value_that_some_records_lack_is_dropped_with_a_warning(tmp_path):
    path = tmp_path / "water.mol2"
    path.write_text(MOL2.format(name="a", charges="USER_CHARGES") + MOL2.format(name="b", charges="NO_CHARGES"))
    with pytest.warns(
        DroppedKeysWarning, match=r"expected partial_charge in every record, got none in record 2"
    ) as caught:
        molecules = read(path)
    assert all("partial_charge" not in data for data in molecules)
    assert caught[0].filename == __file__


def test_mol2_cut_short(tmp_path):
    path = tmp_path / "water.mol2"
    path.write_text(MOL2.format(name="one", charges="USER_CHARGES").split("3 H2")[0])
    with pytest.raises(ValueError, match=r"record 1 \('one'\): atoms: expected 3 by line 3 of the record, got 2"):
        read(path)
    path.write_text("nothing\n")
    with pytest.raises(ValueError, match=r"water.mol2: expected a line @<TRIPOS>MOLECULE, got none"):
        read(path)


def test_mixed_periodic_frames_have_the_same_keys(tmp_path):
    path = tmp_path / "mixed.extxyz"
    path.write_text('1\nProperties=species:S:1:pos:R:3\nC 0 0 0\n1\nLattice="3 0 0 0 4 0 0 0 5"\nC 0 0 0\n')
    molecule, crystal = read(path)
    assert not molecule.pbc.any()
    assert not molecule.cell.any()
    assert crystal.pbc.all()
    np.testing.assert_array_equal(crystal.cell[0].diagonal(), [3, 4, 5])


def test_windows_lines_blank_lines_and_gzip(tmp_path):
    path = tmp_path / "WATER.XYZ.gz"
    path.write_bytes(gzip.compress(b"\r\n1\r\n\r\nO 0 0 0\r\n\r\n1\r\n\r\nH 1 2 3\r\n\r\n"))
    oxygen, hydrogen = read(path)
    assert oxygen.z.tolist() == [8]
    assert hydrogen.pos.tolist() == [[1.0, 2.0, 3.0]]


def test_import_is_light():
    import subprocess
    import sys

    code = (
        "import sys, torch_geometric.data; before = set(sys.modules); import tg_molfield.structures; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} & {'ase', 'rdkit', 'gemmi', 'scipy'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
