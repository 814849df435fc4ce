import gemmi
import pytest
import torch
from ase.data import atomic_masses, covalent_radii

from tg_molfield.chem.elements import element_property
from tg_molfield.chem.form_factors import FormFactors

MANTINA_2009 = {
    "Be": 1.53, "B": 1.92, "Al": 1.84, "Ca": 2.31, "Ge": 2.11, "Rb": 3.03, "Sr": 2.49, "Sb": 2.06, "Cs": 3.43,
    "Ba": 2.68, "Bi": 2.07, "Po": 1.97, "At": 2.02, "Rn": 2.20, "Fr": 3.48, "Ra": 2.83,
}  # fmt: skip
"""The radii of Mantina et al., J. Phys. Chem. A 113, 5806 (2009), table 12, that are new there."""


def test_van_der_waals_radii_are_those_of_mantina():
    z = torch.tensor([gemmi.Element(symbol).atomic_number for symbol in MANTINA_2009])
    assert element_property("vdw_radius", z).tolist() == list(MANTINA_2009.values())


def test_covalent_radii_and_masses_are_those_of_ase():
    z = torch.arange(1, 97)
    assert element_property("covalent_radius", z).tolist() == pytest.approx(covalent_radii[1:97], abs=5e-3)
    assert element_property("mass", z).tolist() == pytest.approx(atomic_masses[1:97], abs=1e-2)


def test_form_factors_are_those_of_gemmi():
    blur, z = 5.0, torch.arange(1, 99)
    heights, widths = FormFactors(blur).gaussians(z)
    for number, height, width in zip(z.tolist(), heights, widths, strict=True):
        table, r = gemmi.Element(number).it92, torch.linspace(0, 2, 9).double()
        found = (height * torch.exp(-(r[:, None] ** 2) / (2 * width**2))).sum(1)
        assert found.tolist() == pytest.approx([table.calculate_density_iso(float(x) ** 2, blur) for x in r], rel=1e-4)
