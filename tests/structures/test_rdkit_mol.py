import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Crippen, rdDistGeom, rdMolDescriptors
from torch_geometric.data import Batch, Data

from tg_molfield.structures import PROPERTIES, StructureWarning, from_rdkit, from_smiles, read, to_rdkit


def embedded(smiles, conformers=1, hydrogens=True):
    mol = Chem.MolFromSmiles(smiles)
    mol = Chem.AddHs(mol) if hydrogens else mol
    assert list(rdDistGeom.EmbedMultipleConfs(mol, conformers, randomSeed=1)) == list(range(conformers))
    return mol


DRUGS = ["CC(=O)Nc1ccc(O)cc1", "C[N+](C)(C)CC(=O)[O-]", "c1ccc2[nH]ccc2c1", "CS(=O)(=O)N", "OB(O)c1ccccc1", "C#N"]


@pytest.mark.filterwarnings("ignore:hydrogens:")
@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("smiles", DRUGS)
def test_properties_sum_to_the_value_of_the_molecule(smiles, hydrogens):
    mol = embedded(smiles, hydrogens=hydrogens)
    data = from_rdkit(mol, properties=PROPERTIES, dtype=torch.float64)
    total = {name: float(data[name].sum()) for name in PROPERTIES}
    assert total["logp"] == pytest.approx(Crippen.MolLogP(mol), abs=1e-9)
    assert total["molar_refractivity"] == pytest.approx(Crippen.MolMR(mol), abs=1e-9)
    assert total["tpsa"] == pytest.approx(rdMolDescriptors.CalcTPSA(mol), abs=1e-9)
    assert total["formal_charge"] == Chem.GetFormalCharge(mol)
    assert total["partial_charge"] == pytest.approx(Chem.GetFormalCharge(mol), abs=1e-6)
    assert total["donor"] == rdMolDescriptors.CalcNumHBD(mol)
    assert total["acceptor"] == rdMolDescriptors.CalcNumHBA(mol)


def test_properties_belong_to_their_atoms():
    data = from_rdkit(embedded("Oc1ccccc1"))
    assert data.donor.tolist() == [1.0] + [0.0] * 12
    assert data.aromatic.tolist() == [0.0] + [1.0] * 6 + [0.0] * 6
    assert data.tpsa[0] > 20
    assert torch.count_nonzero(data.tpsa) == 1


def test_default_keys_are_the_same_for_every_molecule():
    keys = {tuple(sorted(from_smiles(smiles).keys())) for smiles in ("C", "[Na+]", "OB(O)C", "C[Si](C)(C)C")}
    assert len(keys) == 1
    assert "partial_charge" not in keys.pop()


def test_conformers_and_name():
    mol = embedded("CCO", conformers=3)
    mol.SetProp("_Name", "ethanol")
    data = from_rdkit(mol, 2, dtype=torch.float64)
    np.testing.assert_array_equal(data.pos.numpy(), mol.GetConformer(2).GetPositions())
    assert data.name == "ethanol"
    with pytest.raises(ValueError, match="conformer: expected an index from 0 to 2, got 3"):
        from_rdkit(mol, 3)


def test_the_molecule_is_left_as_it_was():
    mol = Chem.MolFromMolBlock(Chem.MolToMolBlock(embedded("c1ccccc1"), kekulize=True), sanitize=False)
    before = Chem.MolToSmiles(mol)
    assert from_rdkit(mol).aromatic.sum() == 6
    assert Chem.MolToSmiles(mol) == before


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_no_properties_needs_no_chemistry():
    mol = Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False)
    conformer = Chem.Conformer(6)
    conformer.SetPositions(np.arange(18.0).reshape(6, 3))
    conformer.Set3D(True)
    mol.AddConformer(conformer)
    assert set(from_rdkit(mol, properties=()).keys()) == {"z", "pos"}
    with pytest.raises(ValueError, match="expected a molecule that RDKit can sanitize"):
        from_rdkit(mol, properties=["logp"])


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_gasteiger_without_parameters_is_told():
    from rdkit.Chem import rdPartialCharges

    mol = embedded("C[Pt]C", hydrogens=False)
    rdPartialCharges.ComputeGasteigerCharges(mol)
    undefined = not np.isfinite([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()]).all()
    assert undefined
    with pytest.raises(ValueError, match=r"Gasteiger parameters, got .*Pt"):
        from_rdkit(mol, properties=["partial_charge"])
    assert bool(torch.isfinite(from_rdkit(mol).logp).all())


def test_what_has_no_positions():
    with pytest.raises(TypeError, match="RDKit returns None"):
        from_rdkit(None)
    with pytest.raises(ValueError, match=r"expected a conformer, got none.*from_smiles"):
        from_rdkit(Chem.MolFromSmiles("CCO"))
    from rdkit.Chem import rdDepictor

    flat = Chem.MolFromSmiles("CCO")
    rdDepictor.Compute2DCoords(flat)
    with pytest.raises(ValueError, match="2D drawing"):
        from_rdkit(flat)


def test_unknown_property_lists_the_known():
    with pytest.raises(ValueError, match=r"expected names among formal_charge, aromatic.* got 'weight'"):
        from_rdkit(embedded("CCO"), properties=["weight"])


def test_atoms_on_one_point_and_dummies():
    mol = embedded("CCO")
    mol.GetConformer().SetAtomPosition(1, mol.GetConformer().GetAtomPosition(0))
    with pytest.raises(ValueError, match="atoms 0 and 1"):
        from_rdkit(mol)
    dummy = embedded("CCO")
    dummy.GetAtomWithIdx(0).SetAtomicNum(0)
    with pytest.raises(ValueError, match="got 0 for atom 0"):
        from_rdkit(dummy, properties=())


@pytest.mark.parametrize("smiles", [*DRUGS, "C", "[Na+]", "[He]", "[NH4+]", "C.C", "[H][H]", "O=C=O"])
def test_bonds_come_back_from_positions(smiles):
    data = from_smiles(smiles, dtype=torch.float64)
    mol = to_rdkit(data)
    assert mol.GetProp("_Name") == smiles
    assert Chem.MolToInchiKey(mol)[:14] == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))[:14]
    np.testing.assert_array_equal(mol.GetConformer().GetPositions(), data.pos.numpy())
    assert Chem.GetFormalCharge(mol) == int(data.formal_charge.sum())


def test_bonds_of_gdb(data_dir):
    same = 0
    path = data_dir / "smallmol" / "gdb1k_300.sdf.gz"
    molecules = read(path, dtype=torch.float64)
    for data in molecules:
        mol = to_rdkit(data, charge=0)
        assert mol.GetNumAtoms() == data.num_nodes
        same += Chem.GetFormalCharge(mol) == 0
    assert same == 300


def test_charge_decides():
    data = from_smiles("C(=O)[O-]")
    assert Chem.MolToSmiles(Chem.RemoveHs(to_rdkit(data))) == "O=C[O-]"
    del data["formal_charge"]
    assert Chem.GetFormalCharge(to_rdkit(data, charge=-1)) == -1
    with pytest.raises(ValueError, match=r"with net charge 5.*charge="):
        to_rdkit(data, charge=5)


def test_missing_hydrogens_are_told():
    data = from_smiles("c1ccncc1C(=O)N")
    heavy = data.z > 1
    with pytest.raises(ValueError, match="every hydrogen"):
        to_rdkit(Data(z=data.z[heavy], pos=data.pos[heavy]), charge=3)


def test_what_has_no_bonds():
    with pytest.raises(ValueError, match="dummy atom"):
        to_rdkit(Data(z=torch.tensor([0, 6]), pos=torch.eye(3)[:2]))
    with pytest.raises(ValueError, match="at most 1000 atoms, got 1001"):
        to_rdkit(Data(z=torch.ones(1001, dtype=torch.long), pos=torch.zeros(1001, 3)))
    with pytest.raises(TypeError, match="Batch"):
        to_rdkit(Batch.from_data_list([from_smiles("C")]))


@pytest.mark.parametrize(
    "values",
    [
        {"energy": torch.tensor(-1.5)},
        {"energy": torch.tensor([[-1.5]])},
        {"energy": torch.tensor([torch.nan])},
        {"cell": torch.eye(3) * 9},
        {"pbc": [True, True, True]},
        {"forces": torch.zeros(1)},
        {"partial_charge": torch.zeros(2), "formal_charge": torch.zeros(3)},
    ],
)
def test_attributes_that_bonds_do_not_need_are_not_checked(values):
    pos = torch.tensor([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    mol = to_rdkit(Data(z=torch.tensor([8, 1, 1]), pos=pos, **values))
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == "O"


def test_formal_charges_are_checked_only_where_they_are_used():
    pos = torch.tensor([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    data = Data(z=torch.tensor([8, 1, 1]), pos=pos, formal_charge=torch.zeros(2))
    assert to_rdkit(data, charge=0).GetNumAtoms() == 3
    with pytest.raises(ValueError, match=r"formal_charge: expected shape \[N\] with N = 3 atoms, got \[2\]"):
        to_rdkit(data)


@pytest.mark.parametrize(("smiles", "charge"), [("[O-]c1ccc([O-])cc1", -2), ("C[NH3+]", 1), ("OCC=O", 0)])
def test_partial_charges_tell_the_net_charge(smiles, charge):
    data = from_smiles(smiles, properties=("partial_charge",))
    bare = Data(z=data.z, pos=data.pos, partial_charge=data.partial_charge + 0.3 / len(data.z))
    mol = to_rdkit(bare)
    assert Chem.GetFormalCharge(mol) == charge
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(smiles)
    bare.formal_charge = torch.zeros(len(data.z))
    bare.formal_charge[0] = charge
    bare.partial_charge = torch.zeros(len(data.z))
    assert Chem.GetFormalCharge(to_rdkit(bare)) == charge


def test_partial_charges_are_checked_only_where_they_are_used():
    water = from_smiles("O", properties=())
    with pytest.raises(ValueError, match=r"partial_charge: expected shape \[N\] with N = 3 atoms, got \[2\]"):
        to_rdkit(Data(z=water.z, pos=water.pos, partial_charge=torch.zeros(2)))
    assert to_rdkit(Data(z=water.z, pos=water.pos, partial_charge=torch.zeros(2)), charge=0).GetNumAtoms() == 3


def test_implicit_hydrogens_are_told():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=0)
    assert len(from_rdkit(mol).z) == 9

    with pytest.warns(StructureWarning, match=r"hydrogens: expected those that the valences need, got none of 6"):
        assert len(from_rdkit(Chem.RemoveHs(mol)).z) == 3
    partly = Chem.RWMol(mol)
    partly.RemoveAtom(8)
    partly.GetAtomWithIdx(2).SetNoImplicit(False)
    Chem.SanitizeMol(partly)
    with pytest.warns(StructureWarning, match="got 1 too few"):
        from_rdkit(partly)
