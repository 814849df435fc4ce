import pytest
import torch
from ase.build import molecule
from ase.io import write

from tg_molfield import MolField, from_smiles, read
from tg_molfield.chem.computed import COMPUTED_PROPERTIES
from tg_molfield.structures import with_color, with_properties
from tg_molfield.structures.properties import _COMPUTE

ESP, COLOR = MolField.preset("esp"), MolField.preset("color")
MOL2 = """@<TRIPOS>MOLECULE
water
 3 2 0 0 0
SMALL
USER_CHARGES
@<TRIPOS>ATOM
 1 O 0.0 0.0 0.117 O.3 1 WAT -0.8
 2 H 0.0 0.757 -0.469 H 1 WAT 0.4
 3 H 0.0 -0.757 -0.469 H 1 WAT 0.4
@<TRIPOS>BOND
 1 1 2 1
 2 1 3 1
"""


def test_the_names_are_those_that_can_be_computed():
    assert tuple(_COMPUTE) == COMPUTED_PROPERTIES


def test_what_a_definition_reads_is_computed_of_a_smiles():
    data = from_smiles("CCO", properties="auto", mol_field=ESP)
    expected = from_smiles("CCO", properties=["partial_charge"])
    assert torch.equal(data.partial_charge, expected.partial_charge)
    assert set(data.keys()) == set(expected.keys())
    query = data.pos[:1] + 3
    assert torch.equal(ESP(data)(query), ESP(expected)(query))
    for one in from_smiles("CCO", 2, properties="auto", mol_field=COLOR):
        assert COLOR(one)(query).shape == (1, len(COLOR.channels))
    assert set(from_smiles("CCO", properties="auto", mol_field=MolField("C")).keys()) == {"z", "pos", "name"}


def test_charges_of_the_file_come_first(tmp_path):
    (tmp_path / "a.mol2").write_text(MOL2)
    (data,) = read(tmp_path / "a.mol2", properties="auto", mol_field=ESP)
    assert data.partial_charge.tolist() == pytest.approx([-0.8, 0.4, 0.4])
    (data,) = read(tmp_path / "a.mol2", properties="auto", mol_field=MolField.preset("mlp"))
    assert "logp" in data


def test_features_of_a_file_without_bonds_and_properties_that_it_lacks(tmp_path):
    write(tmp_path / "a.xyz", molecule("CH3CH2OH"))
    (data,) = read(tmp_path / "a.xyz", properties="auto", mol_field=COLOR)
    assert torch.equal(data.color_pos, with_color(read(tmp_path / "a.xyz")[0]).color_pos)
    with pytest.raises(ValueError, match=r"a\.xyz: record 1: expected a format with bonds for properties"):
        read(tmp_path / "a.xyz", properties="auto", mol_field=ESP)
    assert len(read(tmp_path / "a.xyz", properties="auto", mol_field=MolField("C O"))) == 1


def test_the_error_of_a_definition_names_the_remedy():
    data = from_smiles("CCO")
    with pytest.raises(ValueError, match=r"data\.partial_charge: .* with_properties\(data, \['partial_charge'\]\)"):
        ESP(data)
    ESP(with_properties(data, ["partial_charge"]))
    with pytest.raises(ValueError, match="got 'Qq'"):
        MolField("Qq")(data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"properties": "auto"}, ValueError, "mol_field: expected a definition with properties='auto', got None"),
        ({"mol_field": ESP}, ValueError, "mol_field: expected properties='auto' with it"),
        ({"mol_field": ESP, "properties": ["logp"]}, ValueError, "mol_field: expected properties='auto' with it"),
        ({"mol_field": "esp", "properties": "auto"}, TypeError, "mol_field: expected a MolField, got str"),
    ],
)
def test_one_without_the_other_is_refused(tmp_path, options, error, message):
    write(tmp_path / "a.xyz", molecule("H2O"))
    for call in (lambda: from_smiles("O", **options), lambda: read(tmp_path / "a.xyz", **options)):
        with pytest.raises(error, match=message):
            call()
