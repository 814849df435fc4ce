import numpy as np
import pytest
import torch
from crystal_text import DISORDER, crystal

from tg_molfield.structures import StructureWarning, read

INVERSION = "_space_group_name_H-M_alt 'P -1'"


@pytest.fixture
def cif(tmp_path):
    def one(sites, symmetry="_space_group_name_H-M_alt 'P 1'"):
        path = tmp_path / "disorder.cif"
        path.write_text(crystal(sites, symmetry, columns=DISORDER))
        return read(path, dtype=torch.float64)[0]

    return one


def x(data):
    """The x coordinates of the atoms in Å."""
    return np.round(data.pos[:, 0].numpy(), 6).tolist()


def test_the_major_part_of_each_place(data_dir):
    data = read(data_dir / "reports" / "B02.cif", dtype=torch.float64)[0]
    assert data.z.tolist() == [6, 8, 9]
    np.testing.assert_allclose(data.pos, [[1, 1, 1], [2, 1, 1], [1, 3, 1.5]], atol=1e-9)


def test_the_same_groups_in_two_places_are_chosen_in_each(cif):
    sites = ["O1 O 0.2 0 0 0.4 . 1", "O2 O 0.25 0 0 0.6 . 2", "F1 F 0.6 0.5 0 0.7 . 1", "F2 F 0.65 0.5 0 0.3 . 2"]
    assert x(cif(sites)) == [2.5, 6.0]


def test_a_place_is_connected_by_bonds_within_a_group(cif):
    first = ["C1 C 0.10 0 0 0.4 . 1", "C2 C 0.25 0 0 0.4 . 1", "C3 C 0.40 0 0 0.4 . 1"]
    second = ["N1 N 0.10 0.05 0 0.6 . 2", "N2 N 0.25 0.14 0 0.6 . 2", "N3 N 0.25 0.28 0 0.6 . 2"]
    assert cif(first + second).z.tolist() == [7, 7, 7]


def test_one_of_three_groups(cif):
    assert x(cif(["O1 O 0.20 0 0 0.35 . 1", "O2 O 0.27 0 0 0.4 . 2", "O3 O 0.34 0 0 0.25 . 3"])) == [2.7]


def test_neighbouring_pairs_of_groups_that_touch_are_two_choices(cif):
    sites = ["O1 O 0.20 0 0 0.6 . 1", "O2 O 0.26 0 0 0.4 . 2", "F1 F 0.38 0 0 0.3 . 3", "F2 F 0.44 0 0 0.7 . 4"]
    assert x(cif(sites)) == [2.0, 4.4]


def test_assemblies_of_the_file_count_before_places(cif):
    sites = ["O1 O 0.2 0 0 0.4 A 1", "O2 O 0.5 0 0 0.6 A 2", "F1 F 0.2 0.5 0 0.7 B 1", "F2 F 0.6 0.5 0 0.3 B 2"]
    assert x(cif(sites)) == [5.0, 2.0]


def test_letters_as_groups(cif):
    assert x(cif(["O1 O 0.2 0 0 0.4 . A", "O2 O 0.27 0 0 0.6 . B"])) == [2.7]


def test_alternatives_in_another_asymmetric_unit(cif):
    data = cif(["O1 O 0.2 0.1 0.1 0.4 . 1", "O2 O -0.27 -0.1 -0.1 0.6 . 2"], INVERSION)
    assert x(data) == [-2.7, 2.7]


def test_groups_of_full_occupancy_are_all_kept(cif):
    assert x(cif(["O1 O 0.2 0 0 1 . 1", "O2 O 0.28 0 0 1 . 2"])) == [2.0, 2.8]


def test_disorder_about_a_symmetry_element_keeps_one_image_in_each_place(cif):
    sites = ["C1 C 0.02 0 0 0.5 . -1", "C2 C 0.14 0.05 0 0.5 . -1", "N1 N 0.5 0.5 0.2 1 . ."]
    with pytest.warns(StructureWarning, match="site 'C1': expected one position, got 2 that overlap by symmetry"):
        data = cif(sites, INVERSION)
    assert data.z.tolist() == [6, 6, 7, 7]
    np.testing.assert_allclose(data.pos[:2], [[0.2, 0, 0], [1.4, 0.5, 0]], atol=1e-9)


def test_disorder_about_an_axis_that_an_atom_lies_on(cif):
    sites = ["S1 S 0 0.2 0 0.5 . -1", "O1 O 0.1 0.25 0.06 0.5 . -1", "O2 O -0.11 0.24 0.04 0.5 . -1"]
    with pytest.warns(StructureWarning, match="got 2 that overlap by symmetry"):
        data = cif(sites, "_space_group_name_H-M_alt 'P 1 2 1'")
    assert data.z.tolist() == [16, 8, 8]


def test_overlapping_images_of_full_occupancy_are_refused(cif):
    with pytest.raises(ValueError, match=r"site 'C1': expected an occupancy of at most 0\.5, its images by symmetry"):
        cif(["C1 C 0.03 0 0 1 . -1", "C2 C 0.14 0.05 0 1 . -1"], INVERSION)


def test_a_group_without_an_alternative_is_kept_if_it_is_likelier_there(cif):
    with pytest.warns(StructureWarning, match="site 'O1': .* they were kept by their occupancy"):
        assert cif(["C1 C 0 0 0 1 . .", "O1 O 0.5 0 0 0.6 . 1"]).z.tolist() == [6, 8]
    with pytest.warns(StructureWarning, match="site 'O1': .* they were left out by their occupancy"):
        assert cif(["C1 C 0 0 0 1 . .", "O1 O 0.5 0 0 0.3 . 1"]).z.tolist() == [6]


@pytest.mark.parametrize(("first", "second", "kept"), [(0.5, 0.5, [2.0]), (0.3, 0.7, [6.0]), (0.6, 0.4, [2.0])])
def test_alternatives_that_do_not_touch(cif, first, second, kept):
    assert x(cif([f"O1 O 0.2 0 0 {first} . 1", f"O2 O 0.6 0 0 {second} . 2"])) == kept


def test_partial_occupancy_outside_of_disorder_groups_is_refused(cif):
    with pytest.raises(ValueError, match=r"site 'O1': expected full occupancy or a disorder group, got occupancy 0\.5"):
        cif(["C1 C 0 0 0 1 . .", "O1 O 0.5 0 0 0.5 . ."])
    assert cif(["C1 C 0 0 0 ? . .", "O1 O 0.5 0 0 0 . ."]).z.tolist() == [6]


def test_mixed_elements_on_a_special_position(cif):
    sites = ["Cs1 Cs 0 0 0 1 . .", "Sn1 Sn 0.5 0.5 0.5 0.9 . 1", "In1 In 0.5 0.5 0.5 0.1 . 2", "Cl1 Cl 0 0.5 0.5 1 . ."]
    data = cif(sites, "_space_group_name_H-M_alt 'P m -3 m'")
    assert sorted(data.z.tolist()) == [17, 17, 17, 50, 55]


def test_a_group_on_a_mirror_keeps_its_images(cif):
    """A CF3 in two orientations, each with one F on the mirror and another on both sides of it."""
    sites = ["C1 C 0.2 0.2 0 1 . .", "F1 F 0.325 0.245 0 0.6 . 1", "F2 F 0.16 0.26 0.109 0.6 . 1"]
    sites += ["F3 F 0.08 0.26 0 0.4 . 2", "F4 F 0.25 0.245 0.109 0.4 . 2"]
    data = cif(sites, "_space_group_name_H-M_alt 'P 1 1 m'")
    assert data.z.tolist() == [6, 9, 9, 9]
    assert sorted(data.pos[:, 2].tolist()) == pytest.approx([-1.09, 0, 0, 1.09])


def test_hydrogens_of_an_ordered_atom_follow_the_group_of_its_neighbours(cif):
    sites = ["C1 C 0.1 0.1 0.1 1 . .", "C2A C 0.25 0.1 0.1 0.35 . 1", "C2B C 0.24 0.14 0.1 0.65 . 2"]
    sites += ["H1A H 0.07 0.19 0.1 0.35 . 1", "H1B H 0.07 0.05 0.02 0.35 . 1", "H1C H 0.07 0.02 0.06 0.65 . 2"]
    sites += ["H1D H 0.07 0.08 0.19 0.65 . 2"]
    data = cif(sites)
    assert data.z.tolist() == [6, 6, 1, 1]
    np.testing.assert_allclose(data.pos[2:], [[0.7, 0.2, 0.6], [0.7, 0.8, 1.9]], atol=1e-9)
