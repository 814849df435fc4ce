import itertools
import time

import numpy as np
import pytest
import torch

from tg_molfield.structures import StructureWarning, from_smiles, time_limit

FULLERENE = (
    "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3c8c4"
    "c4c9c5c1c1c6c2c3c41"
)


def ligand_angles(data, centre: int) -> list[float]:
    arms = data.pos[torch.arange(data.num_nodes) != centre] - data.pos[centre]
    arms = (arms / arms.norm(dim=1, keepdim=True)).double()
    return sorted(float(torch.rad2deg(torch.arccos((a @ b).clamp(-1, 1)))) for a, b in itertools.combinations(arms, 2))


@pytest.mark.parametrize(
    ("smiles", "angles"),
    [
        ("F[P-](F)(F)(F)(F)F", [90] * 12 + [180] * 3),
        ("F[Sb-](F)(F)(F)(F)F", [90] * 12 + [180] * 3),
        ("F[U](F)(F)(F)(F)F", [90] * 12 + [180] * 3),
        ("FP(F)(F)(F)F", [90] * 6 + [120] * 3 + [180]),
        ("ClP(Cl)(Cl)(Cl)Cl", [90] * 6 + [120] * 3 + [180]),
        ("FI(F)(F)(F)F", [90] * 8 + [180] * 2),
    ],
)
def test_five_and_six_ligands_are_arranged_as_vsepr_says(smiles, angles):
    np.testing.assert_allclose(ligand_angles(from_smiles(smiles, dtype=torch.float64), 1), angles, atol=3)


def test_symmetric_molecules_without_parameters_are_symmetric():
    with pytest.warns(StructureWarning, match="force field"):
        data = from_smiles("FS(F)(F)(F)(F)F", dtype=torch.float64)
    np.testing.assert_allclose(ligand_angles(data, 1), [90] * 12 + [180] * 3, atol=1e-3)
    bonds = (data.pos[data.z == 9] - data.pos[1]).norm(dim=1)
    np.testing.assert_allclose(bonds, 1.56, atol=0.1)  # 1.56 Å by electron diffraction


@pytest.mark.parametrize(
    ("smiles", "shortest"), [("FS(F)(F)(F)(F)F", 1.9), ("F[Xe](F)(F)F", 2.4), ("F[As](F)(F)(F)F", 2)]
)
def test_elements_without_parameters_keep_apart_and_warn(smiles, shortest):
    with pytest.warns(StructureWarning, match=r"expected a force field with parameters for (S|Xe|As), got none"):
        data = from_smiles(smiles)
    fluorine = data.pos[data.z == 9]
    assert torch.pdist(fluorine).min() > shortest


@pytest.mark.filterwarnings("ignore:.*expected a force field")
@pytest.mark.parametrize("smiles", ["FS(F)(F)F", "F[Xe]F"])
def test_lone_pairs_that_no_force_field_knows_warn(smiles):
    with pytest.warns(StructureWarning, match="lone pairs at (S|Xe)"):
        from_smiles(smiles)


def test_a_metal_beside_a_carbanion_warns():
    with pytest.warns(StructureWarning, match="expected bonds between metal and carbon"):
        from_smiles("[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1")


def test_a_force_field_that_tears_a_bond_is_told():
    with pytest.raises(ValueError, match=r"expected a sound geometry of 'CI\(=O\)=O', got the bond C–H"):
        from_smiles("CI(=O)=O")


@pytest.mark.parametrize(
    "smiles",
    [
        "C12C3C1C23", "C1C2CC1C2", "C12C3C4C1C5C2C3C45", "[H][H]", "FF", "C#C", "O=S(=O)(O)O", "CS(C)(=O)=O", "C[Hg]C",
        "[Na+].[Cl-]", "F.[F-]", "C[Si](C)(C)C", "BrBr", "II", "N#N", "OO", "[O-][Cl+3]([O-])([O-])O", "[Li]C",
        "C1=CC2=C3C4=C1C=CC5=C4C6=C(C=C5)C=CC(=C36)C=C2", "OP(=O)(O)OP(=O)(O)O", "O1CCOP1(F)(F)F",
    ],
)  # fmt: skip
def test_sound_molecules_do_not_warn(smiles):
    assert torch.isfinite(from_smiles(smiles).pos).all()


def test_what_cannot_be_embedded_ends_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"smiles: expected 1 conformers of .* \(60 atoms\) within 1 s, got none"):
        from_smiles(FULLERENE, timeout=1)
    assert time.monotonic() - started < 5


def test_long_chains_end_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"\(752 atoms\) within 1.5 s"):
        from_smiles("C" * 250, timeout=1.5)
    assert time.monotonic() - started < 10


def test_impossible_stereochemistry_is_no_conformer():
    with pytest.raises((ValueError, TimeoutError), match="smiles: expected 1 conformers"):
        from_smiles("C1[C@H]2CC[C@@]1(F)CC2", timeout=3)


@pytest.mark.parametrize("smiles", ["CC(C)CCO", "CC(=O)[O-].[Na+].O", "F[P-](F)(F)(F)(F)F"])
def test_the_process_gives_the_same_positions(monkeypatch, smiles):
    here = from_smiles(smiles, conformers=2, seed=3, dtype=torch.float64)
    monkeypatch.setattr(time_limit, "SMALL", 0)
    there = from_smiles(smiles, conformers=2, seed=3, dtype=torch.float64)
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.pos, other.pos)


def test_size_is_bounded():
    started = time.monotonic()
    with pytest.raises(ValueError, match="expected at most 5000 atoms, got 30002"):
        from_smiles("C" * 10_000)
    with pytest.raises(ValueError, match="expected at most 100000 characters, got 100001"):
        from_smiles("C" * 100_001)
    with pytest.raises(ValueError, match=r"timeout: expected a positive number of seconds .* got 0"):
        from_smiles("C", timeout=0)
    assert time.monotonic() - started < 5


def test_titles_and_lines():
    assert from_smiles("CCO ethanol").name == "ethanol"
    assert from_smiles("[2H]C").z.tolist() == [1, 6, 1, 1, 1]
    with pytest.raises(ValueError, match="expected one SMILES, got 2 lines"):
        from_smiles("CCO\nCCN")
    with pytest.raises(ValueError, match="expected a valid SMILES, got 'CC>>CO'"):
        from_smiles("CC>>CO")
