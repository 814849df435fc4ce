"""Field values against a plain sum in double precision, written independently of the package."""

import math

import numpy as np
import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Batch, Data

from tg_molfield import Channel, Grid, MolField, RBFField
from tg_molfield.fields import FormFactors
from tg_molfield.structures import from_ase, read_complex

PHI = {
    "gaussian": lambda u: math.exp(-u * u / 2),
    "slater": lambda u: math.exp(-u),
    "wendland_c2": lambda u: (1 - u) ** 4 * (4 * u + 1) if u < 1 else 0.0,
    "wendland_c4": lambda u: (1 - u) ** 6 * (35 * u * u + 18 * u + 3) / 3 if u < 1 else 0.0,
    "inverse_multiquadric": lambda u: 1 / math.sqrt(1 + u * u),
    "coulomb": lambda u: math.erf(u / math.sqrt(2)) / u,
    "gaussian_with_tail": lambda u: math.exp(-2 * u * u) if u <= 1 else math.exp(-2) * max(0.0, 3 - 2 * u) ** 2,
    "hard_sphere": lambda u: float(u < 1),
    "occupancy": lambda u: 1 - math.exp(-(u**-12)) if u > 0.1 else 1.0,
}
BONDI = {1: 1.20, 6: 1.70, 7: 1.55, 8: 1.52, 16: 1.80, 17: 1.75}


def plain_sum(points, centers, weights, widths, phi):
    total = np.zeros((len(points), weights.shape[1]))
    for x, row in zip(points, total, strict=True):
        distances = np.linalg.norm(centers - x, axis=1)
        for d, w, s in zip(distances, weights, widths, strict=True):
            row += w * phi(d / s)
    return total


@pytest.mark.parametrize("kernel", PHI)
def test_every_kernel_is_the_sum_over_atoms(kernel):
    rng = np.random.default_rng(0)
    centers, weights = rng.normal(size=(17, 3)) * 3, rng.normal(size=(17, 4))
    widths, points = rng.uniform(0.5, 3, size=17), rng.normal(size=(60, 3)) * 4
    field = RBFField(*(torch.from_numpy(x).float() for x in (centers, weights, widths)), kernel=kernel)
    expected = plain_sum(points, centers, weights, widths, PHI[kernel])
    values = field(torch.from_numpy(points).float()).double().numpy()
    assert np.abs(values - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["CH3CH2OH", "CH3Cl", "C60", "H2O", "thiophene"])
def test_molecules_have_the_field_of_their_definition(name):
    atoms = molecule("C4H4S" if name == "thiophene" else name)
    data = from_ase(atoms)
    definition = MolField("H C O other all heavy", width_scale=0.6)
    rng = np.random.default_rng(1)
    points = atoms.positions[rng.integers(len(atoms), size=80)] + rng.normal(size=(80, 3))
    z = atoms.numbers
    weights = np.stack([z == 1, z == 6, z == 8, ~np.isin(z, [1, 6, 8]), z > 0, z > 1], 1).astype(float)
    widths = np.array([0.6 * BONDI[int(number)] for number in z])
    expected = plain_sum(points, atoms.positions, weights, widths, PHI["gaussian"])
    values = definition(data)(torch.from_numpy(points).float()).double().numpy()
    assert np.abs(values - expected).max() <= 1e-5 * np.abs(expected).max()


def test_complex_of_4481_atoms(data_dir):
    folder = data_dir / "complexes"
    data = read_complex(folder / "1iep_protein.pdb.gz", folder / "1iep_ligand.sdf")
    assert data.num_nodes == 4481
    definition = MolField("H C N O", split_parts=True)
    assert definition.channels[0] == "ligand.H"
    assert definition.channels[-1] == "protein.O"
    field = definition(data)
    rng = np.random.default_rng(2)
    centers = data.pos.double().numpy()
    points = centers[rng.integers(len(centers), size=100)] + rng.normal(size=(100, 3))
    z, part = data.z.numpy(), data.part.numpy()
    weights = np.stack([(z == e) & (part == p) for p in (0, 1) for e in (1, 6, 7, 8)], 1).astype(float)
    widths = np.array([0.5 * BONDI[int(number)] for number in z])
    expected = plain_sum(points, centers, weights, widths, PHI["gaussian"])
    values = field(torch.from_numpy(points).float()).double().numpy()
    assert np.abs(values - expected).max() <= 1e-5 * np.abs(expected).max()


def test_no_points_give_no_values():
    field = MolField()(from_ase(molecule("H2O")))
    assert field(torch.zeros(0, 3)).shape == (0, 9)
    assert field.gradient(torch.zeros(0, 3)).shape == (0, 9, 3)


def test_graph_without_points_and_graph_without_centers():
    field = RBFField(torch.zeros(1, 3), torch.ones(1), batch=torch.tensor([1]), num_graphs=3)
    values = field(torch.zeros(2, 3), torch.tensor([0, 1]))
    assert values[:, 0].tolist() == [0, 1]


def test_widths_by_channel():
    centers = torch.zeros(1, 3, dtype=torch.float64)
    widths = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    field = RBFField(centers, torch.ones(1, 2, dtype=torch.float64), widths, channels=("narrow", "wide"))
    x = torch.tensor([[2.0, 0, 0]], dtype=torch.float64)
    assert torch.allclose(field(x), torch.tensor([[math.exp(-2), math.exp(-0.5)]], dtype=torch.float64))
    assert torch.allclose(field["wide"](x), field(x)[:, 1:])


def test_properties_and_attributes_as_channels():
    data = from_ase(molecule("CO"))
    data.partial_charge = torch.tensor([-0.3, 0.3])
    field = MolField("electronegativity partial_charge", widths=1e-3, width_scale=1.0)(data)
    values = field(data.pos)
    assert torch.allclose(values, torch.tensor([[3.44, -0.3], [2.55, 0.3]]))


def test_widths_from_an_attribute():
    data = from_ase(molecule("CO"))
    data.spread = torch.tensor([0.7, 0.9])
    assert MolField("C O", widths="spread", width_scale=1.0)(data).widths.tolist() == pytest.approx([0.7, 0.9])


def test_mnf_is_the_published_field():
    atoms = molecule("CH3CH2OH")
    beta, n, t = 0.75, 16, 0.5
    definition = MolField.preset("mnf", beta=beta, normalize_grid_size=n, properties=("mass",))
    data = from_ase(atoms, dtype=torch.float64)
    radii = np.array([BONDI[int(z)] for z in atoms.numbers]) / 1.70
    masses = np.array([{1: 1.008, 6: 12.011, 8: 15.999}[int(z)] for z in atoms.numbers]) / 12.011
    center = atoms.positions.mean(0)
    half = np.linalg.norm(atoms.positions - center, axis=1).max() + math.sqrt(
        -(radii.max() ** 2) * math.log(t) / beta + 1
    )
    line = np.linspace(-half, half, n)
    nodes = center + np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    grid = definition.grid(data, n)
    assert np.abs(grid.points(torch.float64).numpy() - nodes).max() < 1e-12
    squared = ((nodes[:, None] - atoms.positions) ** 2).sum(-1)
    values = definition(data).on(grid).values.flatten(1).numpy()
    for channel, z in (("H", 1), ("C", 6), ("O", 8)):
        expected = np.exp(-beta * squared / radii**2)[:, atoms.numbers == z].sum(1)
        assert np.abs(values[definition.channels.index(channel)] - expected / expected.max()).max() < 1e-12
    expected = np.exp(-beta * squared / masses**2).sum(1)
    assert np.abs(values[definition.channels.index("mass")] - expected / expected.max()).max() < 1e-12
    assert not values[definition.channels.index("N")].any()


def test_a_definition_is_a_value():
    assert MolField("H C") == MolField(("H", "C"), kernel="gaussian")
    assert hash(MolField("H C")) == hash(MolField(("H", "C")))
    assert MolField("H C") != MolField("H C", width_scale=0.4)
    from tg_molfield.fields import Channel  # noqa: F401  (the repr names it)

    for definition in (
        MolField(),
        MolField.preset("mnf", properties=("mass",), split_parts=True),
        MolField("C", widths=1.5),
    ):
        assert eval(repr(definition)) == definition
    with pytest.raises(AttributeError):
        MolField().kernel = "slater"


def test_batch_of_molecules_unbatches():
    molecules = [from_ase(molecule(name)) for name in ("H2O", "CH4", "NH3")]
    definition = MolField.preset("mnf")
    batched = definition(Batch.from_data_list(molecules)).unbatch()
    points = torch.randn(20, 3)
    for data, field in zip(molecules, batched, strict=True):
        assert torch.allclose(field(points), definition(data)(points), atol=1e-6)
        assert field.atoms is not None
        assert torch.equal(field.atoms.z, data.z)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": torch.tensor([1.0, 8.0, 1.0])}, "data.z: expected integers"),
        ({"z": torch.tensor([[1], [8], [1]])}, r"got torch.int64 of \[3, 1\]; give one atomic number an atom"),
        ({"z": torch.tensor([1, 8, 200])}, "expected atomic numbers"),
        ({"z": torch.tensor([1, 0, 1])}, "expected atomic numbers"),
        ({"pos": torch.zeros(2, 3)}, r"data.pos: expected floats of shape \[3, 3\]"),
        ({"pos": torch.zeros(3, 3, dtype=torch.long)}, "data.pos: expected floats"),
        ({"pos": torch.tensor([[0, 0, 0], [0, 0, math.nan], [1, 1, 1.0]])}, "NaN or infinity for atom 1"),
        ({"z": torch.zeros(0, dtype=torch.long), "pos": torch.zeros(0, 3)}, "at least one atom"),
        ({"z": None}, "data.z: expected a tensor, got none"),
    ],
)
def test_bad_atoms_are_refused(change, message):
    data = Data(z=torch.tensor([1, 8, 1]), pos=torch.eye(3))
    for key, value in change.items():
        data[key] = value
    with pytest.raises(ValueError, match=message):
        MolField()(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MolField("H H"), "expected different names"),
        (lambda: MolField(""), "expected at least one"),
        (lambda: MolField(kernel="gauss"), "kernel: expected one of"),
        (lambda: MolField(width_scale=0), "expected a positive"),
        (lambda: MolField.preset("mfn"), "preset: expected one of .* got 'mfn'"),
        (lambda: MolField.preset("mnf", gamma=1), "gamma"),
        (lambda: MolField("H C charge")(from_ase(molecule("H2O"))), "got 'charge'"),
        (lambda: MolField("electronegativity")(from_ase(molecule("H2O")).update({"z": torch.tensor([1, 2, 1])})), "He"),
        (lambda: RBFField(torch.zeros(2, 3), torch.ones(3)), "weights: expected shape"),
        (lambda: RBFField(torch.zeros(2, 3), torch.ones(2), -1.0), "widths: expected positive"),
        (lambda: RBFField(torch.full((2, 3), math.inf), torch.ones(2)), "centers: expected finite"),
        (lambda: RBFField(torch.zeros(2, 3), torch.ones(2))(torch.zeros(4, 2)), r"\[Q, 3\]"),
        (lambda: RBFField(torch.zeros(2, 3), torch.ones(2))(torch.zeros(4, 3).double()), "float64"),
    ],
)
def test_bad_definitions_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_batched_field_needs_to_know_whose_points():
    field = RBFField(torch.zeros(2, 3), torch.ones(2), batch=torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="which of 2 molecules each point belongs to"):
        field(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="expected a sorted vector"):
        field(torch.zeros(2, 3), torch.tensor([1, 0]))
    with pytest.raises(ValueError, match=r"unbatch\(\)"):
        field.on(__import__("tg_molfield").Grid.cube((0, 0, 0), 1, 2))


def test_a_field_knows_its_definition():
    data, definition = from_ase(molecule("CH3OH")), MolField("H C O other")
    batched = definition(Batch.from_data_list([data, data]))
    grid = Grid.around(data.pos, spacing=1.0)
    field = definition(data)
    union = MolField("H C", aggregate="union")
    normalized = MolField("C", normalize_grid_size=8)
    for kept in (
        field,
        field.on(grid),
        field["O", "H"],
        field.to(torch.float64),
        field.detach(),
        field.with_atoms(None),
        field.on(grid)["C"],
        field.on(grid).to(torch.float64),
        field.on(grid).interpolated("cubic"),
        batched,
        batched.unbatch()[1],
        batched.on_each([grid, grid])[0],
        definition(data).on_each([grid])[0],
    ):
        assert kept.mol_field == definition, kept
    for kept in (union(data), union(data)["H"], union(data).on(grid), union(data)["H"].on(grid), union(data).detach()):
        assert kept.mol_field == union, kept
    assert normalized(data).mol_field == normalized
    for changed in (
        2 * field,
        field + field,
        field - field,
        -field,
        field.with_kernel("slater"),
        2.0 * field.on(grid),
        field.on(grid) - field.on(grid),
        field.scaled(torch.ones(1, 4)),
        (field + field).on(grid),
    ):
        assert changed.mol_field is None, changed
    assert (2 * field).with_mol_field(definition).on(grid).mol_field == definition


def test_channels_of_a_width_in_angstrom():
    data = Data(z=torch.tensor([6, 7]), pos=torch.eye(3, dtype=torch.float64)[:2])
    field = MolField([Channel("C", width=0.8), Channel("N")], widths=0.5, width_scale=1.0)(data)
    torch.testing.assert_close(field.widths, torch.tensor([[0.8, 0.5]] * 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="width: expected a positive, finite number, got -1"):
        Channel("C", width=-1)
    with pytest.raises(ValueError, match="channels: expected none with a width beside form_factors"):
        MolField([Channel("all", width=0.8)], form_factors=FormFactors())
