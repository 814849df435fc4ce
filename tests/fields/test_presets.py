"""Presets against the peers they are named after, against closed forms, and against nature where it is known."""

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, from_ase, from_smiles, to_rdkit
from tg_molfield.compare import overlap
from tg_molfield.fields import Channel, FormFactors
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.fields.presets import PRESETS
from tg_molfield.structures import PROPERTIES

PEERS = Path(__file__).parent / "data" / "peer_fields.npz"


@pytest.fixture(scope="module")
def peers():
    with np.load(PEERS) as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("libmolgrid", MolField.preset("libmolgrid", channels="H C N O S")),
        ("libmolgrid_binary", MolField.preset("libmolgrid", channels="H C N O S", binary=True)),
        ("moleculekit", MolField.preset("moleculekit", channels="all heavy")),
        ("pyuul", MolField.preset("funcmol", channels="H C N O S", radius=0.5)),
    ],
)
def test_preset_is_the_peer(peers, name, definition):
    numbers = torch.from_numpy(peers["numbers"])
    data = Data(z=numbers, pos=torch.from_numpy(peers["positions"]).float(), heavy=(numbers > 1).float())
    values = definition(data)(torch.from_numpy(peers[f"{name}_points"])).numpy()
    expected = peers[f"{name}_values"]
    assert np.abs(values - expected).max() <= 1e-4 * expected.max()
    assert (expected > 0.2 * expected.max()).sum() > 50, "the comparison would mean nothing among zeros"


def test_promolecule_has_all_electrons_and_the_right_scale():
    data = from_ase(molecule("CH3CH2OH"))
    volume = MolField.preset("promolecule")(data).on(Grid.around(data.pos, 0.2, 5.0))
    assert float(volume.integral()[0]) == pytest.approx(26, rel=2e-4)


def test_form_factor_of_one_atom_is_the_tabulated_one():
    gemmi = pytest.importorskip("gemmi")
    data = Data(z=torch.tensor([16]), pos=torch.zeros(1, 3, dtype=torch.float64))
    distances = torch.linspace(0, 3, 13, dtype=torch.float64)
    x = torch.stack([distances, 0 * distances, 0 * distances], 1)
    values = MolField.preset("promolecule", blur=7.0)(data)(x)[:, 0]
    expected = [gemmi.Element("S").it92.calculate_density_iso(float(d) ** 2, 7.0) for d in distances]
    assert values.tolist() == pytest.approx(expected, rel=1e-5)


def test_potential_of_charges_is_coulombs_law_and_finite_at_them():
    data = Data(
        z=torch.tensor([11, 17]),
        pos=torch.tensor([[0.0, 0, 0], [2.36, 0, 0]], dtype=torch.float64),
        partial_charge=torch.tensor([1.0, -1.0], dtype=torch.float64),
    )
    field = MolField.preset("esp")(data)
    x = torch.tensor([[5.0, 1.0, 0.0], [-3.0, 0.0, 2.0]], dtype=torch.float64)
    distances = torch.cdist(x, data.pos)
    assert torch.allclose(field(x)[:, 0], 14.399645 * (1 / distances[:, 0] - 1 / distances[:, 1]), rtol=1e-6)
    assert field(data.pos).isfinite().all()
    x = 4 * x
    assert torch.allclose(field.laplacian(x), torch.zeros(2, 1, dtype=torch.float64), atol=1e-8), "no charge there"


@pytest.mark.parametrize(("terms", "error"), [(2, 0.13), (3, 0.035), (4, 0.008), (5, 0.0035), (6, 0.0027)])
def test_potential_by_gaussians_is_coulombs_law_outside(terms, error):
    definition = MolField.preset("esp_gaussian", terms=terms)
    data = Data(z=torch.tensor([11]), pos=torch.zeros(1, 3, dtype=torch.float64))
    data.partial_charge = torch.tensor([-0.8], dtype=torch.float64)
    distances = torch.linspace(1.5, 12, 300, dtype=torch.float64)
    x = torch.stack([0 * distances, distances, 0 * distances], 1)
    exact = -0.8 * 14.399645 / distances
    assert float((definition(data)(x)[:, 0] / exact - 1).abs().max()) < error
    assert mol_field_from_dict(mol_field_to_dict(definition)) == definition
    assert definition != MolField.preset("esp_gaussian", terms=terms - 1 if terms > 2 else 3)


def test_potentials_by_gaussians_and_by_charges_agree():
    data = from_smiles("CC(=O)[O-]", properties=PROPERTIES, dtype=torch.float64)
    grid = Grid.around(data.pos, 0.6, 4.0)
    outside = torch.cdist(grid.points(torch.float64), data.pos).amin(1) > 1.5
    exact = MolField.preset("esp")(data).on(grid).values.flatten()[outside]
    for terms, error in ((3, 0.35), (6, 0.02)):
        values = MolField.preset("esp_gaussian", terms=terms)(data).on(grid).values.flatten()[outside]
        assert float((values - exact).abs().max()) < error, "V, where the potential reaches -8 V"
    assert float(exact.min()) < -5


def test_lipophilicity_is_the_sum_over_atoms():
    data = from_smiles("CCO", dtype=torch.float64)
    x = torch.tensor([[3.0, 1.0, 2.0]], dtype=torch.float64)
    expected = (data.logp * torch.exp(-torch.cdist(x, data.pos)[0])).sum()
    assert float(MolField.preset("mlp")(data)(x)) == pytest.approx(float(expected), rel=1e-10)


def test_distance_to_the_van_der_waals_surface():
    data = from_ase(molecule("H2O"), dtype=torch.float64)
    x = torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    radii = torch.tensor([{1: 1.2, 8: 1.52}[int(z)] for z in data.z], dtype=torch.float64)
    expected = (torch.cdist(x, data.pos) - radii).amin(1)
    assert torch.allclose(MolField.preset("vdw")(data)(x)[:, 0], expected, atol=1e-12)
    smooth = MolField.preset("vdw", smoothness=0.1)(data)(x)[:, 0]
    assert (smooth <= expected).all()
    assert (smooth >= expected - 0.1 * math.log(3) - 1e-12).all()


def test_distance_field_of_many_atoms_is_exact_everywhere():
    rng = torch.Generator().manual_seed(1)
    pos = 40 * torch.rand(3000, 3, generator=rng)
    data = Data(z=torch.tensor([1, 6, 16])[torch.randint(3, (3000,), generator=rng)], pos=pos)
    x = 60 * torch.rand(2000, 3, generator=rng) - 10
    radii = torch.tensor([0.0, 1.2] + [0] * 4 + [1.7] + [0] * 9 + [1.8])[data.z]
    expected = (torch.cdist(x.double(), pos.double()) - radii).amin(1)
    assert torch.allclose(MolField.preset("vdw")(data)(x)[:, 0].double(), expected, atol=1e-5)


def test_distance_in_a_crystal_is_that_to_the_nearest_image():
    cell = torch.tensor([[3.0, 0, 0], [1.0, 4.0, 0], [0, 0, 5.0]], dtype=torch.float64)
    data = Data(
        z=torch.tensor([6, 8]), pos=torch.tensor([[0.1, 0.2, 0.3], [1.5, 2.0, 2.5]], dtype=torch.float64),
        cell=cell[None], pbc=torch.ones(1, 3, dtype=torch.bool),
    )  # fmt: skip
    x = 20 * torch.rand(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    steps = torch.cartesian_prod(*[torch.arange(-9.0, 10, dtype=torch.float64)] * 3) @ cell
    distances = torch.cdist(x, (data.pos[:, None] + steps).flatten(0, 1)).unflatten(1, (2, -1)).amin(2)
    expected = (distances - torch.tensor([1.7, 1.52], dtype=torch.float64)).amin(1)
    assert torch.allclose(MolField.preset("vdw")(data)(x)[:, 0], expected, atol=1e-10)


def test_channel_without_atoms():
    data = from_ase(molecule("H2O"))
    x = torch.zeros(2, 3)
    for preset in ("mnf", "libmolgrid", "funcmol"):
        assert not MolField.preset(preset, channels="H O S")(data)(x)[:, 2].any()
    assert MolField("O S", aggregate="distance")(data)(x)[:, 1].isinf().all()


@pytest.mark.parametrize(("height", "kappa"), [(2.7, 2.34423), (2 * 2**0.5, 2.41799)])
def test_shape_is_that_of_grant_and_pickup(height, kappa):
    data = from_smiles("OCC", dtype=torch.float64)
    x = torch.tensor([[0.5, 1.0, -0.3], [1.0, 0.0, 1.0]], dtype=torch.float64)
    squares = torch.cdist(x, data.pos[:3]).square()
    expected = (height * torch.exp(-kappa * squares / torch.tensor([1.52, 1.7, 1.7]) ** 2)).sum(1)
    field = MolField.preset("shape", height=height)(data)
    assert field(x)[:, 0].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    integral = (field.weights[:, 0] * (2 * math.pi * field.widths**2) ** 1.5).sum()
    assert float(integral) == pytest.approx(4 / 3 * math.pi * (1.52**3 + 2 * 1.7**3), rel=1e-10)


def test_shape_overlaps_as_rdkits():
    """`rdShapeAlign` leaves out far pairs and counts in single precision."""
    from rdkit.Chem import rdShapeAlign

    data = from_smiles("Clc1ccc(cc1)S(=O)(=O)NC(F)CO", dtype=torch.float64)
    field = MolField.preset("shape")(data)
    rdkit = rdShapeAlign.PrepareConformer(to_rdkit(data))
    assert float(overlap(field, field)) == pytest.approx(rdkit.sov, rel=2e-3)


def test_shape_of_carbons_overlaps_as_rdkits():
    """`rdGaussianShape` takes the radius of carbon for all, and leaves out pairs beyond 4.5 Å."""
    rdGaussianShape = pytest.importorskip("rdkit.Chem.rdGaussianShape")
    data = from_smiles("Clc1ccc(cc1)S(=O)(=O)NC(F)CO", dtype=torch.float64)
    field = MolField.preset("shape", height=2 * 2**0.5, radii=1.7)(data)
    options = rdGaussianShape.ShapeInputOptions(), rdGaussianShape.ShapeOverlayOptions()
    rdkit = rdGaussianShape.ShapeInput(to_rdkit(data), -1, *options)
    assert float(overlap(field, field)) == pytest.approx(rdkit.ShapeVolume, rel=1e-3)


def test_every_preset_makes_a_volume_of_a_drug():
    data = from_smiles("CC(=O)Oc1ccccc1C(=O)O", properties=PROPERTIES, color=True)
    grid = Grid.around(data.pos, 0.8)
    for name in PRESETS:
        definition = MolField.preset(name)
        assert definition.attributes <= data.to_dict().keys()
        volume = definition(data).on(grid)
        assert volume.channels == definition.channels
        assert float(volume.values.std()) > 0
        assert volume.values.isfinite().all()


def test_vector_channels_turn_with_the_molecule():
    from scipy.stats import special_ortho_group

    data = from_ase(molecule("CH3CH2OH"), dtype=torch.float64)
    data.forces = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turn = torch.from_numpy(special_ortho_group.rvs(3, random_state=1))
    definition = MolField("C forces:vector")
    assert definition.channels == ("C", "forces.x", "forces.y", "forces.z")
    x = torch.randn(20, 3, dtype=torch.float64)
    still = definition(data)(x)
    turned = data.clone()
    turned.pos, turned.forces = data.pos @ turn.T, data.forces @ turn.T
    moved = definition(turned)(x @ turn.T)
    assert torch.allclose(moved[:, 0], still[:, 0], atol=1e-12)
    assert torch.allclose(moved[:, 1:], still[:, 1:] @ turn.T, atol=1e-12)
    with pytest.raises(ValueError, match="forces:vector"):
        MolField("forces")(data)


def test_displacement_to_the_nearest_atom_turns_with_the_molecule():
    from scipy.stats import special_ortho_group

    data = from_ase(molecule("CH3CH2OH"), dtype=torch.float64)
    definition = MolField("C H N", aggregate="displacement")
    assert definition.channels[:4] == ("C.x", "C.y", "C.z", "H.x")
    x = 3 * torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    carbons = data.pos[data.z == 6]
    nearest = carbons[torch.cdist(x, carbons).argmin(1)]
    values = definition(data)(x)
    assert torch.allclose(values[:, :3], nearest - x, atol=1e-12)
    assert torch.allclose(definition(data)(carbons)[:, :3], torch.zeros(2, 3, dtype=torch.float64), atol=1e-12)
    assert values[:, 6:].isinf().all(), "there is no nitrogen"
    turn = torch.from_numpy(special_ortho_group.rvs(3, random_state=1))
    turned = data.clone()
    turned.pos = data.pos @ turn.T
    moved = definition(turned)(x @ turn.T)
    assert torch.allclose(moved[:, :6].unflatten(1, (2, 3)), values[:, :6].unflatten(1, (2, 3)) @ turn.T, atol=1e-12)
    gradient = definition(data).gradient(x)[:, :3]
    assert torch.allclose(gradient, -torch.eye(3, dtype=torch.float64).expand(30, 3, 3), atol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MolField(aggregate="min"), "aggregate: expected one of .* got 'min'"),
        (lambda: MolField(smoothness=0.1), "expected aggregate='distance'"),
        (lambda: MolField(aggregate="distance", kernel="slater"), "kernel: expected the default with .* got 'slater'"),
        (
            lambda: MolField(form_factors=MolField.preset("promolecule").form_factors, kernel="slater"),
            "kernel: expected the default with form_factors",
        ),
        (
            lambda: MolField("all", form_factors=FormFactors(), widths=2.0),
            "widths: expected 'vdw_radius', the default, beside form_factors, got 2.0",
        ),
        (
            lambda: MolField("all", form_factors=FormFactors(), width_scale=1.0),
            "width_scale: expected 0.5, the default, beside form_factors, got 1.0",
        ),
        (
            lambda: MolField("C N", aggregate="displacement", widths="covalent_radius"),
            "widths: expected 'vdw_radius', .* beside aggregate='displacement', got 'covalent_radius'",
        ),
        (
            lambda: MolField([Channel("C", width=0.8)], aggregate="displacement"),
            "channels: expected none with a width beside aggregate='displacement'",
        ),
        (lambda: Channel("C", width_scale=0.7), "width_scale: expected 1 without a width, got 0.7 for channel 'C'"),
        (lambda: MolField.preset("promolecule", blur=0), "blur: expected a positive"),
        (lambda: MolField.preset("shape", height=0.0), "height: expected a positive"),
        (lambda: MolField.preset("esp_gaussian", terms=9), "terms: expected 2 to 6, got 9"),
        (lambda: MolField.preset("esp", softening=-1), "softening: expected .* got -1"),
        (
            lambda: MolField("charge", aggregate="union")(
                Data(z=torch.tensor([6]), pos=torch.zeros(1, 3), charge=torch.tensor([-1.0]))
            ),
            "weights: expected none below 0",
        ),
        (
            lambda: MolField.preset("esp")(from_ase(molecule("H2O"))),
            r"data.partial_charge: expected a tensor .* got none; call with_properties\(data, \['partial_charge'\]\)",
        ),
    ],
)
def test_bad_definitions(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_options_of_another_kind_are_named():
    with pytest.raises(TypeError, match="height: expected a number, got str"):
        MolField.preset("shape", height="tall")
    with pytest.raises(ValueError, match=r"preset: expected the options of 'shape', got others .*'hight'"):
        MolField.preset("shape", hight=2.7)


@pytest.mark.parametrize("name", PRESETS)
def test_options_of_presets_are_told_with_their_defaults(name):
    page = (Path(__file__).parents[2] / "docs" / "mathematics.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |") and line.count("|") == 5)
    described = inspect.getdoc(MolField.preset)
    for option in inspect.signature(PRESETS[name]).parameters.values():
        assert f"``{option.name}``" in described
        if option.name != "channels":
            default = (
                f'"{option.default}"' if isinstance(option.default, str) else str(option.default).removesuffix(".0")
            )
            assert f"`{option.name}` {default}" in row
