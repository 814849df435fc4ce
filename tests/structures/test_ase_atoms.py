import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from torch_geometric.data import Batch, Data

from tg_molfield.structures import KEYS, StructureWarning, from_ase, to_ase


def crowded(seed=0):
    """A triclinic crystal with every attribute that `from_ase` and `to_ase` keep."""
    rng = np.random.default_rng(seed)
    atoms = Atoms("C3HO", positions=rng.normal(size=(5, 3)) * 4, cell=rng.normal(size=(3, 3)), pbc=[True, False, True])
    atoms.set_initial_charges(rng.normal(size=5))
    atoms.set_initial_magnetic_moments(rng.normal(size=5))
    atoms.set_tags([3, 1, 4, 1, 5])
    atoms.info["name"] = "crowded"
    results = {
        "energy": -1.5,
        "free_energy": -1.25,
        "forces": rng.normal(size=(5, 3)),
        "energies": rng.normal(size=5),
        "stress": rng.normal(size=6),
        "stresses": rng.normal(size=(5, 6)),
        "dipole": rng.normal(size=3),
        "charges": rng.normal(size=5),
        "magmom": 2.0,
        "magmoms": rng.normal(size=5),
    }
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def test_atoms_to_data_and_back_are_the_same_in_float64():
    atoms = crowded()
    back = to_ase(from_ase(atoms, dtype=torch.float64))
    assert back == atoms
    assert back.info["name"] == "crowded"
    for name in ("initial_charges", "initial_magmoms", "tags"):
        np.testing.assert_array_equal(back.arrays[name], atoms.arrays[name])
    assert set(back.calc.results) == set(atoms.calc.results)
    for name, value in atoms.calc.results.items():
        np.testing.assert_array_equal(back.calc.results[name], value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_data_to_atoms_and_back_are_the_same(dtype):
    data = from_ase(crowded(1), dtype=dtype)
    back = from_ase(to_ase(data), dtype=dtype)
    assert set(back.keys()) == set(data.keys())
    assert len(data.keys()) == 18
    for key in KEYS:
        if key in data:
            assert back[key].dtype == data[key].dtype
            assert torch.equal(back[key], data[key]), key


def test_molecule_has_no_cell_and_the_default_dtype():
    data = from_ase(molecule("CH3CH2OH"))
    assert set(data.keys()) == {"z", "pos"}
    assert data.z.dtype == torch.int64
    assert data.pos.dtype == torch.get_default_dtype()


def test_crystal_has_its_cell_as_rows():
    copper = bulk("Cu", "fcc", a=3.6)
    data = from_ase(copper, dtype=torch.float64)
    assert data.cell.shape == (1, 3, 3)
    assert data.pbc.tolist() == [[True, True, True]]
    np.testing.assert_array_equal(data.cell[0].numpy(), copper.cell.array)


class Counting(Calculator):
    implemented_properties = ("energy",)

    def calculate(self, *args, **kwargs):
        raise AssertionError("a calculation was run")


def test_no_calculation_is_run():
    atoms = molecule("H2O")
    atoms.calc = Counting()
    assert "energy" not in from_ase(atoms)


def test_results_are_taken_only_for_the_positions_they_belong_to():
    atoms = bulk("Cu")
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    assert from_ase(atoms, dtype=torch.float64).energy.tolist() == [energy]
    atoms.rattle(0.1)
    assert "energy" not in from_ase(atoms)


def test_not_atoms():
    with pytest.raises(TypeError, match=r"atoms: expected one ase.Atoms, got list"):
        from_ase([molecule("H2O")])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_positions_that_are_not_finite(value):
    atoms = molecule("H2O")
    atoms.positions[1, 2] = value
    with pytest.raises(ValueError, match=r"pos: expected finite positions, got NaN or infinity for atom 1"):
        from_ase(atoms)


LABELS_THAT_DO_NOT_FIT = {
    "energy": [np.nan, np.inf, [1.0, 2.0], "low", True],
    "forces": [np.zeros((2, 3)), np.full((3, 3), np.inf), np.zeros(9)],
    "stress": [np.zeros(9), [[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]],
    "dipole": [1.85],
    "magmoms": [np.eye(3)],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in LABELS_THAT_DO_NOT_FIT.items() for value in values]
)
def test_results_that_do_not_fit_are_left_out_with_a_warning(name, value):
    atoms = molecule("H2O")
    atoms.calc = SinglePointCalculator(atoms, free_energy=-2.0)
    atoms.calc.results[name] = value
    with pytest.warns(StructureWarning, match=f"^{name}: expected .* left out$") as caught:
        data = from_ase(atoms)
    assert caught[0].filename == __file__
    assert set(data.keys()) == {"z", "pos", "free_energy"}
    assert data.free_energy.tolist() == [-2.0]


def test_vector_moments_are_left_out_with_a_warning():
    moments = [[0, 0, 2.0], [0, 0, -2.0]]
    atoms = Atoms("Fe2", positions=[[0, 0, 0], [2, 0, 0]], magmoms=moments)
    with pytest.warns(StructureWarning, match=r"initial_magmoms: expected numbers of shape \[2\], got shape \[2, 3\]"):
        data = from_ase(atoms)
    assert "initial_magmoms" not in data
    assert data.z.tolist() == [26, 26]


def test_a_stress_tensor_becomes_voigt():
    atoms = bulk("Cu")
    full = [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]
    atoms.calc = SinglePointCalculator(atoms)
    atoms.calc.results["stress"] = np.array(full)
    data = from_ase(atoms)
    assert data.stress.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
    np.testing.assert_array_equal(to_ase(data).get_stress(voigt=False), full)


def water(**values):
    return Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]), **values)


@pytest.mark.parametrize(
    ("energy", "expected"),
    [(torch.tensor(-1.5), -1.5), (torch.tensor([[-1.5]]), -1.5), (-1.5, -1.5), (np.float32(-1.5), -1.5)],
)
def test_energies_of_any_shape_are_attached(energy, expected):
    assert to_ase(water(energy=energy)).get_potential_energy() == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("energy", torch.tensor([torch.nan])),
        ("energy", torch.zeros(0)),
        ("energy", torch.zeros(2)),
        ("forces", torch.zeros(3)),
        ("magmoms", torch.zeros(3, 3)),
        ("tags", torch.tensor([0.5, 0.0, 1.0])),
    ],
)
def test_labels_of_data_that_do_not_fit_are_left_out_with_a_warning(name, value):
    with pytest.warns(StructureWarning, match=f"^{name}: expected .* left out$"):
        atoms = to_ase(water(**{name: value}))
    assert atoms.calc is None
    assert not atoms.has(name)
    assert len(atoms) == 3


@pytest.mark.parametrize("cell", [torch.eye(3) * 5, torch.eye(3)[None] * 5, np.eye(3) * 5, (np.eye(3) * 5).tolist()])
@pytest.mark.parametrize("pbc", [torch.ones(3), torch.ones(1, 3).bool(), [True] * 3, (1, 1, 1), np.ones(3, bool), True])
def test_cells_of_any_form_are_set(cell, pbc):
    atoms = to_ase(water(cell=cell, pbc=pbc))
    np.testing.assert_array_equal(atoms.cell.array, np.eye(3) * 5)
    assert atoms.pbc.all()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (torch.eye(3) * torch.nan, "cell: expected finite numbers"),
        (torch.zeros(2, 3, 3), r"cell: expected shape \[1, 3, 3\], got \[2, 3, 3\]"),
    ],
)
def test_a_cell_that_is_none_is_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        to_ase(water(cell=cell))


def test_attributes_that_ase_does_not_know_are_not_checked():
    assert len(to_ase(water(formal_charge=torch.tensor([torch.nan]), logp="high"))) == 3


@pytest.mark.parametrize(
    ("atoms", "message"),
    [(Atoms(), "z: expected at least one atom, got none"), (Atoms("XH", positions=np.eye(3)[:2]), "got 0 for atom 0")],
)
def test_atoms_without_elements(atoms, message):
    with pytest.raises(ValueError, match=message):
        from_ase(atoms)


def test_far_from_the_origin_needs_float64():
    atoms = Atoms("H", positions=[[1e4, 0, 0]])
    with pytest.raises(ValueError, match=r"torch.float32 represents to 0.001 Å, got 10000.0 Å.*float64"):
        from_ase(atoms, dtype=torch.float32)
    assert from_ase(atoms, dtype=torch.float64).pos[0, 0] == 1e4


def test_dtype_must_be_floating():
    with pytest.raises(TypeError, match="dtype: expected a floating type"):
        from_ase(molecule("H2O"), dtype=torch.int64)


def test_any_data_with_z_and_pos_will_do():
    data = Data(z=torch.tensor([8, 1, 1]), pos=torch.eye(3), x=torch.zeros(3, 11), y=torch.zeros(1, 19))
    atoms = to_ase(data)
    assert atoms.get_chemical_formula() == "H2O"
    assert atoms.calc is None


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (Data(pos=torch.zeros(1, 3)), ValueError, r"z: expected a tensor \[N\], got none"),
        (Data(z=torch.ones(1, dtype=torch.long)), ValueError, r"pos: expected a tensor \[N, 3\], got none"),
        (
            Data(z=torch.ones(2, dtype=torch.long), pos=torch.zeros(1, 3)),
            ValueError,
            r"pos: expected shape .* got \[1, 3\]",
        ),
        (Data(z=torch.ones(1), pos=torch.zeros(1, 3)), TypeError, "z: expected values of type int, got torch.float32"),
        (
            Data(z=torch.ones(1, dtype=torch.long), pos=torch.full((1, 3), torch.nan)),
            ValueError,
            "pos: expected finite",
        ),
        ({"z": [1]}, TypeError, "expected a torch_geometric.data.Data, got dict"),
    ],
)
def test_data_that_is_no_molecule(data, error, message):
    with pytest.raises(error, match=message):
        to_ase(data)


def test_a_batch_is_refused():
    batch = Batch.from_data_list([from_ase(molecule("H2O"))] * 2)
    with pytest.raises(TypeError, match=r"Batch of 2 molecules.*to_data_list"):
        to_ase(batch)


@pytest.mark.parametrize("number", [-1, 119])
def test_numbers_that_are_no_elements_do_not_become_atoms(number):
    with pytest.raises(ValueError, match=rf"z: expected .* got {number} for atom 0"):
        to_ase(Data(z=torch.tensor([number]), pos=torch.zeros(1, 3)))
