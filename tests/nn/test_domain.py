import warnings

import pytest
import torch
from ase.build import molecule
from hard_molecules import tensors
from torch_geometric.data import Batch, Data

from tg_molfield import from_smiles
from tg_molfield.nn import FieldAutoEncoder, OutOfDomainWarning


def data(name: str, hydrogens: bool = True) -> Data:
    z, pos = tensors(molecule(name))
    kept = torch.ones_like(z, dtype=torch.bool) if hydrogens else z != 1
    return Data(z=z[kept], pos=pos[kept].float())


@pytest.fixture(scope="module")
def pretrained() -> FieldAutoEncoder:
    return FieldAutoEncoder.from_pretrained("organic-small")


def test_molecules_of_the_training_set_pass(pretrained):
    assert pretrained.domain.max_atoms == 96
    assert set(pretrained.domain.elements) >= {1, 6, 7, 8}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("C6H6", "CO2", "CCl4", "C2Cl4", "HCN", "CO", "N2", "C2F4"):
            pretrained.encode(data(name))


@pytest.mark.parametrize("name", ["C6H6", "CH3CH2OH", "isobutane", "CH3OCH3"])
def test_missing_hydrogens_are_told(pretrained, name):
    with pytest.warns(OutOfDomainWarning, match="molecule 1: expected explicit hydrogens"):
        pretrained.encode(Batch.from_data_list([data("H2O"), data(name, hydrogens=False)]))


@pytest.mark.parametrize("smiles", ["CO", "NC(C)C(=O)O", "c1ccccc1O", "OC1C(O)C(O)C(O)C(O)C1O"])
def test_polar_hydrogens_alone_are_told(pretrained, smiles):
    whole = from_smiles(smiles)
    carbon = whole.pos[whole.z == 6]
    kept = (whole.z > 1) | (torch.cdist(whole.pos, carbon).amin(1) > 1.3)
    polar = Data(z=whole.z[kept], pos=whole.pos[kept])
    assert (polar.z == 1).any()
    told = "expected explicit hydrogens, as in training, got none at carbon"
    with pytest.warns(OutOfDomainWarning, match=f"molecule 2: {told}"):
        pretrained.encode(Batch.from_data_list([data("H2O"), whole, polar]))
    with pytest.warns(OutOfDomainWarning, match=rf"molecules\[1\]: {told}"):
        pretrained.embed([whole, polar])


@pytest.mark.parametrize(
    "smiles", ["OC(=O)C(=O)O", "[O-]C(=O)C(=O)[O-]", "NC(N)=O", "OC(=O)C#CC(=O)O", "C#C", "C#CC#C", "FC(F)(F)C(=O)O",
               "O=c1[nH]c(=O)c2[nH]c(=O)[nH]c2[nH]1", "Oc1c(Cl)c(Cl)c(Cl)c(Cl)c1Cl", "N#CN", "[C-]#[N+]O"]
)  # fmt: skip
def test_molecules_without_hydrogens_at_carbon_pass(pretrained, smiles):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pretrained.encode(from_smiles(smiles))
        pretrained.embed([from_smiles(smiles)])


def test_more_atoms_than_in_training_are_told(pretrained):
    pos = torch.cartesian_prod(*[torch.arange(5.0)] * 3)[:100] * 1.6
    with pytest.warns(OutOfDomainWarning, match="molecule 0: expected at most 96 atoms, as in training, got 100"):
        pretrained.encode(torch.ones(100, dtype=torch.int64), pos)


def test_a_model_remembers_what_it_was_trained_on(make_model, tmp_path):
    model = make_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.encode(data("CH3Cl"))
    model.train().encode(Batch.from_data_list([data("H2O"), data("CH4")]))
    assert model.domain.elements == (1, 6, 8)
    assert model.domain.max_atoms == 5
    model.eval().save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors")
    with pytest.warns(OutOfDomainWarning, match=r"z: expected elements of the training set \(H, C, O\), got Cl"):
        loaded.encode(data("CH3Cl"))
    loaded.reset_parameters()
    assert loaded.domain.elements == ()


@pytest.mark.parametrize(("unit", "length"), [("nm", 10.0), ("bohr", 0.529177), ("pm", 0.01)])
def test_other_units_of_length_are_told(pretrained, unit, length):
    whole = data("CH3CH2OH")
    other = Data(z=whole.z, pos=whole.pos / length)
    told = rf"pos: expected positions in Å, got distances that are bonds in {unit} \(.*; convert them first"
    with pytest.warns(OutOfDomainWarning, match=f"molecule 1: {told}"):
        pretrained.encode(Batch.from_data_list([whole, other]))


@pytest.mark.parametrize(("unit", "length"), [("bohr", 0.529177), ("pm", 0.01)])
def test_embed_tells_other_units_of_length(pretrained, unit, length):
    whole = data("CH3CH2OH")
    told = rf"molecules\[1\]: pos: .* bonds in {unit} \(.*; convert them first"
    with pytest.warns(OutOfDomainWarning, match=told):
        pretrained.embed([whole, Data(z=whole.z, pos=whole.pos / length)])
