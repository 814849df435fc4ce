import pytest
import torch
from rdkit import Chem

from tg_molfield.structures import from_smiles


def test_hydrogens_name_and_shape():
    data = from_smiles("CCO")
    assert data.z.tolist() == [6, 6, 8] + [1] * 6
    assert data.pos.shape == (9, 3)
    assert data.name == "CCO"


@pytest.mark.parametrize("smiles", ["C", "[Na+]", "[He]", "[U]", "[H+]"])
def test_small_ones(smiles):
    data = from_smiles(smiles)
    assert data.num_nodes == Chem.AddHs(Chem.MolFromSmiles(smiles)).GetNumAtoms()
    assert bool(torch.isfinite(data.pos).all())


@pytest.mark.parametrize("smiles", ["C.C.C", "[Na+].[Cl-]", "CC(=O)[O-].[Na+]", "c1ccccc1.O", "[He].[He]"])
def test_fragments_do_not_overlap(smiles):
    data = from_smiles(smiles)
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    fragment = torch.zeros(data.num_nodes, dtype=torch.long)
    for number, rows in enumerate(Chem.GetMolFrags(mol)):
        fragment[list(rows)] = number
    apart = fragment[:, None] != fragment[None]
    assert torch.cdist(data.pos, data.pos)[apart].min() > 1.2


def test_geometry_is_optimised():
    data = from_smiles("C", dtype=torch.float64)
    bonds = (data.pos[1:] - data.pos[0]).norm(dim=1)
    assert torch.allclose(bonds, torch.full((4,), 1.092, dtype=torch.float64), atol=2e-3)


def test_seed_decides():
    smiles = "CC(C)CCO"
    assert torch.equal(from_smiles(smiles, seed=7).pos, from_smiles(smiles, seed=7).pos)
    assert not torch.allclose(from_smiles(smiles, seed=7).pos, from_smiles(smiles, seed=8).pos, atol=1e-2)


def test_conformers_are_a_list():
    found = from_smiles("CCCCO", conformers=3)
    assert len(found) == 3
    assert all(data.z.equal(found[0].z) for data in found)
    assert not torch.allclose(found[0].pos, found[1].pos, atol=1e-2)


def test_stereo_is_kept():
    smiles = "C[C@H](N)C(=O)O"
    data = from_smiles(smiles)
    a, b, c = (data.pos[row] - data.pos[1] for row in (0, 2, 3))
    mirrored = from_smiles("C[C@@H](N)C(=O)O")
    d, e, f = (mirrored.pos[row] - mirrored.pos[1] for row in (0, 2, 3))
    assert torch.dot(a, torch.linalg.cross(b, c)) * torch.dot(d, torch.linalg.cross(e, f)) < 0


def test_properties_and_dtype():
    data = from_smiles("CCO", dtype=torch.float64, properties=["partial_charge"])
    assert set(data.keys()) == {"z", "pos", "name", "partial_charge"}
    assert data.partial_charge.dtype == torch.float64
    assert abs(float(data.partial_charge.sum())) < 1e-6


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("C1CC", "unclosed ring"),
        ("Cc1ccccq1", "position 8"),
        ("C(C)(C)(C)(C)C", "valence for atom # 0 C"),
        ("c1cccc1", "kekulize"),
        ("", "no atoms"),
        ("*C", "dummy atom"),
    ],
)
def test_invalid_smiles(smiles, message, capfd):
    with pytest.raises(ValueError, match=f"(?i)^smiles: .*{message}"):
        from_smiles(smiles)
    assert capfd.readouterr().err == ""


def test_arguments():
    with pytest.raises(TypeError, match="smiles: expected a string, got NoneType"):
        from_smiles(None)
    with pytest.raises(ValueError, match=r"conformers: expected an integer, got 1\.5"):
        from_smiles("C", conformers=1.5)
    with pytest.raises(ValueError, match="timeout: expected a positive number of seconds up to 1000000, got 1 min"):
        from_smiles("C", timeout="1 min")
    with pytest.raises(ValueError, match="conformers: expected at least 1, got 0"):
        from_smiles("C", conformers=0)
    with pytest.raises(ValueError, match="seed: expected 0 to 2³¹ − 2, got -1"):
        from_smiles("C", seed=-1)
