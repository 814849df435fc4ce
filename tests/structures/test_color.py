"""Pharmacophore features against RDKit's, and where they go: conformers, files, batches."""

import gzip

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem, rdShapeAlign
from torch_geometric.data import Batch

from tg_molfield import from_rdkit, from_smiles, read, to_rdkit
from tg_molfield.structures import COLOR_TYPES, with_color, with_properties
from tg_molfield.structures.keys import validate

SMILES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cc1ccc(cc1Nc2nccc(n2)c3cccnc3)NC(=O)c4ccc(cc4)CN5CCN(CC5)C",
    "C[NH2+]CCS(=O)(=O)[O-]",
    "NC(=N)NCC1CCCC1",
]
RDKIT = {1: "donor", 2: "acceptor", 3: "ring", 4: "cation", 5: "anion"}


def embedded(smiles, conformers=1):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMultipleConfs(mol, conformers, randomSeed=1)
    return mol


def kinds(data):
    return [COLOR_TYPES[kind] for kind in data.color_type.tolist()]


def rdkits(mol, conformer=-1):
    options = rdShapeAlign.ShapeInputOptions()
    options.normalize = False
    shape = rdShapeAlign.PrepareConformer(mol, conformer, options)
    places = np.array(list(shape.coord)).reshape(-1, 3)
    found = [(RDKIT[kind], *place) for kind, place in zip(shape.atom_type_vector, places, strict=True) if kind]
    return sorted(found)


@pytest.mark.parametrize("smiles", SMILES)
def test_features_are_those_of_rdkits_shapes(smiles):
    mol = embedded(smiles)
    data = from_rdkit(mol, dtype=torch.float64, color=True)
    own = [(kind, *place) for kind, place in zip(kinds(data), data.color_pos.tolist(), strict=True)]
    own = sorted(feature for feature in own if feature[0] != "hydrophobe")
    expected = rdkits(mol)
    assert [one[0] for one in own] == [one[0] for one in expected]
    for kind in RDKIT.values():
        ours = np.array([one[1:] for one in own if one[0] == kind])
        theirs = np.array([one[1:] for one in expected if one[0] == kind])
        assert len(ours) == len(theirs)
        if len(ours):
            distances = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
            assert distances.min(0).max() < 1e-5
            assert distances.min(1).max() < 1e-5


def test_features_lie_at_atoms_and_in_the_middle_of_rings():
    mol = embedded("OC1CCCCC1")
    data = from_rdkit(mol, dtype=torch.float64, color=True)
    ring = data.pos[1:7].mean(0)
    by_kind = {kind: place for kind, place in zip(kinds(data), data.color_pos, strict=True) if kind != "hydrophobe"}
    assert torch.equal(by_kind["donor"], data.pos[0])
    assert torch.equal(by_kind["acceptor"], data.pos[0])
    assert torch.allclose(by_kind["ring"], ring, atol=1e-12)


@pytest.mark.filterwarnings("ignore:hydrogens:")
@pytest.mark.parametrize(
    ("smiles", "groups"),
    [
        ("CCCCCC(=O)O", [[1], [2], [3], [4]]),
        ("Cc1ccccc1", [[1], [1, 2, 3, 4, 5, 6]]),
        ("OCC(C)C", [[2], [2, 3, 4]]),
        ("OCC(O)CO", []),
    ],
)
def test_hydrophobes_do_not_depend_on_hydrogens(smiles, groups):
    mol = embedded(smiles)
    expected = sorted(np.mean([mol.GetConformer().GetPositions()[i] for i in group], 0).tolist() for group in groups)
    for one in (mol, Chem.RemoveHs(mol)):
        data = from_rdkit(one, dtype=torch.float64, color=True)
        own = sorted(data.color_pos[data.color_type == COLOR_TYPES.index("hydrophobe")].tolist())
        assert len(own) == len(expected)
        assert np.allclose(np.reshape(own, (-1, 3)), np.reshape(expected, (-1, 3)), atol=1e-12)


def test_every_conformer_has_its_own():
    mol = embedded(SMILES[0], 3)
    for number in range(3):
        data = from_rdkit(mol, number, color=True)
        (donor,) = (place for kind, place in zip(kinds(data), data.color_pos, strict=True) if kind == "donor")
        assert torch.allclose(donor, data.pos[12])
    first, second = from_smiles("OCCCCO", 2, color=True)
    assert not torch.allclose(first.color_pos, second.color_pos)


def test_perceived_bonds_give_the_same_features():
    data = from_smiles(SMILES[0], color=True)
    bare = data.clone()
    for name in ("color_pos", "color_type", "color_count"):
        del bare[name]
    found = with_color(bare)
    assert kinds(found) == kinds(data)
    assert torch.allclose(found.color_pos, data.color_pos)
    assert "color_pos" not in bare
    assert found.color_pos.dtype == bare.pos.dtype


def test_features_and_properties_at_once():
    data = from_smiles(SMILES[0], properties=())
    found = with_properties(data, ("logp",), color=True)
    assert torch.allclose(found.color_pos, with_color(data).color_pos)
    assert torch.equal(found.logp, with_properties(data, ("logp",)).logp)


def test_molecules_without_features_in_a_batch():
    molecules = [from_smiles(smiles, color=True) for smiles in ("C", "OCC", "[H][H]")]
    assert molecules[0].color_pos.shape == (0, 3)
    assert molecules[0].color_type.dtype == torch.int64
    batch = Batch.from_data_list(molecules)
    assert batch.color_count.tolist() == [0, len(molecules[1].color_type), 0]
    assert batch[1].color_pos.tolist() == molecules[1].color_pos.tolist()


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_metals_and_large_coordinates():
    mol = Chem.MolFromSmiles("OCC[Zn]")
    conformer = Chem.Conformer(4)
    pos = np.array([[0.0, 0, 0], [1.4, 0, 0], [1.9, 1.4, 0], [3.8, 1.5, 0]]) + np.array([1000.0, -2000.0, 500.0])
    conformer.SetPositions(pos)
    mol.AddConformer(conformer)
    data = from_rdkit(mol, properties=(), dtype=torch.float64, color=True)
    assert kinds(data)[:2] == ["donor", "acceptor"]
    assert torch.allclose(data.color_pos[0], torch.tensor(pos[0]), atol=1e-9)


def test_files_with_bonds(tmp_path):
    data = from_smiles(SMILES[0], color=True)
    path = tmp_path / "aspirin.sdf"
    with Chem.SDWriter(str(path)) as writer:
        writer.write(to_rdkit(data))
    (found,) = read(path, color=True)
    assert kinds(found) == kinds(data)
    assert torch.allclose(found.color_pos, data.color_pos, atol=2e-4)
    assert "color_pos" not in read(path)[0]
    xyz = tmp_path / "water.xyz"
    xyz.write_text("3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n")
    with pytest.raises(ValueError, match=r"water.xyz: expected a format with bonds for color .* with_color"):
        read(xyz, color=True)


def test_mol2(data_dir, tmp_path):
    text = gzip.decompress((data_dir / "screening" / "fabp4" / "actives.mol2.gz").read_bytes()).decode()
    path = tmp_path / "active.mol2"
    block = "@<TRIPOS>MOLECULE" + text.split("@<TRIPOS>MOLECULE")[1]
    path.write_text(block)
    (data,) = read(path, color=True)
    expected = [feature[0] for feature in rdkits(Chem.MolFromMol2Block(block, removeHs=False))]
    assert expected
    assert sorted(kind for kind in kinds(data) if kind != "hydrophobe") == expected
    assert float(torch.cdist(data.color_pos, data.pos).amin(1).max()) < 1.6, "features lie at atoms or in rings"


def test_what_has_no_features():
    cut = from_smiles("CCO").subgraph(torch.arange(4))
    with pytest.raises(ValueError, match=r"data: expected bonds .* read\(path, color=True\)"):
        with_color(cut)
    with pytest.raises(TypeError, match="expected one molecule, got a Batch"):
        with_color(Batch.from_data_list([from_smiles("C")]))
    mol = Chem.RWMol(embedded("CCO"))
    mol.AddBond(0, 2, Chem.BondType.TRIPLE)
    with pytest.raises(ValueError, match="color: expected a molecule that RDKit can sanitize"):
        from_rdkit(mol, properties=(), color=True)


def test_features_are_checked():
    data = from_smiles("CCO", color=True)
    assert validate(data) is data
    data.color_type = data.color_type[:-1]
    with pytest.raises(ValueError, match=r"color_type: expected shape \[F\] with F = \d features"):
        validate(data)
