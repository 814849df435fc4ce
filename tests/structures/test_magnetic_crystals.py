"""Crystals with a magnetic space group (magCIF): atoms, which time reversal does not move."""

import gemmi
import numpy as np
import pytest
import torch
from crystal_text import crystal

from tg_molfield.structures import StructureWarning, read

RUTILE = (4.8734, 4.8734, 3.3099, 90.0, 90.0, 90.0)
SITES = ["Mn1 Mn 0 0 0", "F1 F 0.3053 0.3053 0"]
MOMENTS = "\nloop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_z\nMn1 4.6\n"


def loop(tag, operators):
    return "\n".join(["loop_", tag, *(f"'{operator}'" for operator in operators)])


def atoms(path, text):
    path.write_text(text)
    with pytest.warns(StructureWarning, match="magnetic one; the atoms were read, magnetic moments were not"):
        (data,) = read(path, dtype=torch.float64)
    fract = np.round(data.pos.numpy() @ np.linalg.inv(data.cell[0].numpy()) % 1, 4) % 1
    return sorted((int(z), *row) for z, row in zip(data.z, fract.tolist(), strict=True))


def rutile():
    """The operators of P 42/m n m, and its atoms by gemmi."""
    group = gemmi.SpaceGroup("P 42/m n m").operations()
    found = {
        (z, *(round(x % 1, 4) % 1 for x in operator.apply_to_xyz(place)))
        for operator in group
        for z, place in ((25, [0, 0, 0]), (9, [0.3053, 0.3053, 0]))
    }
    return [operator.triplet() for operator in group], sorted(found)


@pytest.mark.parametrize("tag", ["_space_group_symop_magn_operation.xyz", "_space_group_symop.magn_operation_xyz"])
@pytest.mark.parametrize("grey", [False, True])
def test_atoms_are_those_of_the_group_without_time_reversal(tmp_path, tag, grey):
    operators, expected = rutile()
    signed = [f"{one},{'-1' if '1/2' in one else '1'}" for one in operators]
    if grey:
        signed = [f"{one},{sign}" for one in operators for sign in ("+1", "-1")]
    assert atoms(tmp_path / "made.cif", crystal(SITES, loop(tag, signed), RUTILE) + MOMENTS) == expected


def test_centrings_with_time_reversal_repeat_the_atoms(tmp_path):
    symmetry = "\n".join(
        [
            loop("_space_group_symop_magn_operation.xyz", ["x,y,z,+1", "-x,-y,-z,+1"]),
            loop("_space_group_symop_magn_centering.xyz", ["x,y,z,+1", "x,y,z+1/2,-1"]),
        ]
    )
    found = atoms(tmp_path / "made.cif", crystal(["Mn1 Mn 0.1 0.2 0.3"], symmetry) + MOMENTS)
    assert found == [(25, 0.1, 0.2, 0.3), (25, 0.1, 0.2, 0.8), (25, 0.9, 0.8, 0.2), (25, 0.9, 0.8, 0.7)]


def test_operators_count_before_the_named_group(tmp_path):
    symmetry = "_space_group_name_H-M_alt 'P -1'\n" + loop("_space_group_symop_magn_operation.xyz", ["x,y,z,+1"])
    (tmp_path / "made.cif").write_text(crystal(["Mn1 Mn 0.1 0.2 0.3"], symmetry))
    with pytest.warns(StructureWarning, match="magnetic one"), pytest.warns(StructureWarning, match="2 of P -1, got 1"):
        (data,) = read(tmp_path / "made.cif")
    assert data.z.tolist() == [25]


def test_texts_that_are_no_operators_are_refused(tmp_path):
    path = tmp_path / "made.cif"
    path.write_text(crystal(SITES, loop("_space_group_symop_magn_operation.xyz", ["x,y,z,+1", "x,y,z,+2"])))
    with pytest.raises(ValueError, match=r"expected one such as .*, got 'x,y,z,\+2'"):
        read(path)
