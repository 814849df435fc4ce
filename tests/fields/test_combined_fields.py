"""What combinations and selections of fields keep, and which fields cannot be combined."""

import pytest
import torch
from torch_geometric.data import Batch

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.chem.atoms import AtomList

MAKE = {"combination": lambda field: field - 0.5 * field, "selection": lambda field: (field + field)["O"]}


@pytest.mark.parametrize("name", MAKE)
def test_atoms_of_its_own_come_along_when_a_batch_is_taken_apart(name):
    batch = Batch.from_data_list([from_smiles("CCO"), from_smiles("O")])
    field = MAKE[name](MolField("C O")(batch))
    assert [len(one.atoms.z) for one in field.unbatch()] == [9, 3]
    heavy = batch.z > 1
    atoms = AtomList(batch.z[heavy], batch.pos[heavy], batch.batch[heavy])
    assert [len(one.atoms.z) for one in field.with_atoms(atoms).unbatch()] == [3, 1]
    assert [one.atoms for one in field.with_atoms(None).unbatch()] == [None, None]


def test_fields_of_different_types_are_not_combined():
    molecule = from_smiles("CCO")
    field = MolField("C O")(molecule)
    for other in (field.to(torch.float64), field.to(torch.float64).on(Grid.around(molecule.pos))):
        with pytest.raises(ValueError, match=r"expected torch.float32 .* got torch.float64 .* field.to\(\)"):
            field + other
