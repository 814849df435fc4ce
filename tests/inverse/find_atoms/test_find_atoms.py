"""Atoms come back from the samples of their fields, with element, place and part."""

import warnings

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, RBFField, Volume, from_smiles, read, to_rdkit
from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms import UnexplainedChannelWarning, find_atoms, recover_atoms

ELEMENTS = "H C N O F P S Cl Br I"


def deviation(found: Data, true: Data) -> float:
    assert sorted(found.z.tolist()) == sorted(true.z.tolist())
    distances = torch.cdist(found.pos.double(), true.pos.double(), compute_mode="donot_use_mm_for_euclid_dist")
    distances[found.z[:, None] != true.z] = 1e6
    row, column = linear_sum_assignment(distances.square())
    if "part" in true:
        assert torch.equal(found.part[row], true.part[column])
    return float(distances[row, column].square().mean().sqrt())


def benzoate() -> Data:
    """A ring with a carboxylate: bonded carbons whose Gaussians merge, three elements."""
    angle = torch.arange(6, dtype=torch.float64) * torch.pi / 3
    ring = torch.stack([angle.cos(), angle.sin(), 0 * angle], 1)
    tail = torch.tensor([[2.9, 0, 0], [3.5, 1.1, 0.1], [3.5, -1.1, -0.1]], dtype=torch.float64)
    pos = torch.cat([1.39 * ring, tail, 2.48 * ring[1:]]) + 0.123
    return Data(z=torch.tensor([6] * 7 + [8] * 2 + [1] * 5), pos=pos)


def sampled(definition: MolField, data: Data, spacing: float = 0.4) -> Volume:
    return definition(data).on(Grid.around(data.pos, spacing=spacing))


@pytest.mark.parametrize("spacing", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("definition", [MolField(), MolField.preset("mnf")], ids=["default", "mnf"])
def test_a_molecule_comes_back(definition, spacing):
    data = benzoate()
    found = find_atoms(sampled(definition, data, spacing), mol_field=definition)
    assert found.z.tolist() == [1] * 5 + [6] * 7 + [8] * 2
    assert deviation(found, data) < 1e-4
    assert found.pos.dtype == torch.float64


@pytest.mark.parametrize(
    ("kernel", "scale"), [("slater", 0.4), ("wendland_c2", 1.5), ("wendland_c4", 1.5), ("gaussian_with_tail", 1.0)]
)
def test_kernels(kernel, scale):
    definition, data = MolField("H C O", kernel=kernel, width_scale=scale), benzoate()
    assert deviation(find_atoms(sampled(definition, data), mol_field=definition), data) < 1e-3


@pytest.mark.parametrize("preset", [False, True])
@pytest.mark.parametrize(("name", "every"), [("freesolv", 60), ("pdb_ligands_300", 50)])
def test_molecules_of_the_data(data_dir, name, every, preset):
    definition = MolField.preset("mnf", channels=ELEMENTS) if preset else MolField(ELEMENTS)
    for data in read(data_dir / "smallmol" / f"{name}.sdf.gz")[::every]:
        assert deviation(find_atoms(sampled(definition, data, 0.5), mol_field=definition), data) < 1e-3, data.name


def test_the_graph_comes_back(data_dir):
    from rdkit import Chem

    definition = MolField(ELEMENTS)
    for data in read(data_dir / "smallmol" / "qm9_100.xyz.gz")[10:60:8]:
        found = find_atoms(sampled(definition, data), mol_field=definition)
        true = Data(z=data.z, pos=data.pos)
        assert Chem.MolToSmiles(to_rdkit(found)) == Chem.MolToSmiles(to_rdkit(true))


def test_parts():
    data = benzoate()
    data.part = (torch.arange(14) % 3 == 0).long()
    definition = MolField("H C O", split_parts=True)
    found = find_atoms(sampled(definition, data), mol_field=definition)
    assert found.part.tolist() == sorted(found.part.tolist())
    assert deviation(found, data) < 1e-4


def test_noise_moves_atoms_by_little_and_invents_none():
    data = benzoate()
    volume = sampled(MolField(), data, 0.3)
    noise = torch.randn(volume.values.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = find_atoms(Volume(volume.values + 0.02 * noise, volume.grid, volume.channels), errors="ignore")
    assert deviation(found, data) < 0.02


def test_a_scaled_field_is_understood():
    data = benzoate()
    volume = sampled(MolField(), data)
    for factor in (0.15, 0.2, 0.5, 0.9, 1.3, 3.0):
        for definition in (None, MolField()):
            recovery = recover_atoms(factor * volume, mol_field=definition)
            assert deviation(recovery.data, data) < 1e-3
            assert all(abs(report.scale - factor) < 1e-2 * factor for report in recovery.channels if report.num_atoms)


@pytest.mark.parametrize("factor", [0.11, 0.05, 1e-3, 1e-9])
def test_a_faint_field_is_understood(factor):
    data = benzoate()
    volume = factor * sampled(MolField(), data)
    for definition in (None, MolField()):
        recovery = recover_atoms(volume.with_mol_field(None), mol_field=definition, errors="raise")
        assert deviation(recovery.data, data) < 1e-3
        assert [one.scale for one in recovery.channels if one.num_atoms] == pytest.approx([factor] * 3, rel=1e-3)
    with pytest.warns(UnexplainedChannelWarning, match=f"expected atoms of weight 1, got {factor:.3g}"):
        scaled = find_atoms(Volume(volume.values, volume.grid, volume.channels).with_mol_field(MolField()))
    assert deviation(scaled, data) < 1e-3


def test_a_faint_field_without_atoms_is_refused():
    volume = sampled(MolField("H C O"), benzoate())
    noise = torch.randn(volume.values.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    highest = f"{0.01 * float(noise.max()):.3g}"
    with pytest.raises(ValueError, match=f"atoms in channels H, C, O, got values up to {highest} that are no sum"):
        find_atoms(Volume(0.01 * noise, volume.grid, volume.channels))
    with pytest.raises(ValueError, match="got no value above 0; check the grid and the sign of the field"):
        find_atoms(-1.0 * volume)


def overlaid(z: list[int], x: list[float]) -> Data:
    pos = torch.zeros(len(z), 3, dtype=torch.float64)
    pos[:, 0] = torch.tensor(x)
    return Data(z=torch.tensor(z), pos=pos)


@pytest.mark.parametrize(
    ("z", "x"),
    [
        ([6, 6], [0, 0]),
        ([6, 6, 6, 8], [0, 0, 0, 1.4]),
        ([6, 6, 6, 6], [0, 0, 1.4, 1.4]),
        ([6, 6, 6], [0, 0, 1.4]),
        ([6, 6, 6], [0, 0.05, 1.4]),
    ],
)
def test_atoms_in_one_place_come_back_as_often_as_they_are(z, x):
    data = overlaid(z, x)
    field = MolField("H C O")(data)
    for one in (field, field.with_mol_field(None), field.on(Grid.around(data.pos, 0.25))):
        assert deviation(find_atoms(one, errors="raise"), data) < 2e-3


def test_atoms_that_may_be_several_in_one_place_are_told():
    data = overlaid([6, 6, 8], [0, 0, 1.4])
    volume = sampled(MolField("H C O"), data)
    with pytest.warns(
        UnexplainedChannelWarning, match=r"channel 'C': expected atoms of weight 1, got 1 of 2, .*\(0.00,"
    ):
        recovery = recover_atoms(volume.with_mol_field(None), mol_field=MolField("H C O"))
    assert [(report.num_atoms, round(report.scale, 3)) for report in recovery.channels] == [(0, 1), (1, 2), (1, 1)]
    with pytest.warns(UnexplainedChannelWarning, match="got 1 of 2"):
        find_atoms(volume["C"].with_mol_field(None))
    for factors in ([2, 2, 2], [1, 1.5, 1], [1, 6, 8]):
        scaled = volume.values / torch.tensor([1, 2, 1])[:, None, None, None]
        scaled = scaled * torch.tensor(factors)[:, None, None, None]
        assert len(find_atoms(Volume(scaled, volume.grid, volume.channels), errors="raise").z) == 2


def test_other_weights_than_the_definition_says_are_told():
    scaled = 0.7 * sampled(MolField("H C O"), benzoate())
    with pytest.warns(UnexplainedChannelWarning, match=r"channel '[HCO]': expected atoms of weight 1, got 0.7;"):
        found = find_atoms(scaled.with_mol_field(MolField("H C O")))
    assert deviation(found, benzoate()) < 1e-3
    assert deviation(find_atoms(scaled, errors="raise"), benzoate()) < 1e-3


def test_weights_of_centers_are_those_of_the_atoms():
    pos = torch.tensor([[0, 0, 0], [1.4, 0, 0]], dtype=torch.float64)
    for weights, counts in (([0.1, 0.1], [1, 1]), ([2.0, 1.0], [1, 1])):
        field = RBFField(pos, torch.diag(torch.tensor(weights, dtype=torch.float64)), 0.8, channels=["C", "O"])
        recovery = recover_atoms(field, errors="raise")
        assert [report.num_atoms for report in recovery.channels] == counts
        assert [report.scale for report in recovery.channels] == pytest.approx(weights, rel=1e-3)


def test_report():
    recovery = recover_atoms(sampled(MolField(), benzoate()))
    counts = {report.name: report.num_atoms for report in recovery.channels}
    assert counts == {"H": 5, "C": 7, "N": 0, "O": 2, "F": 0, "P": 0, "S": 0, "Cl": 0}
    assert all(report.residual < 1e-3 for report in recovery.channels)


def test_any_field_and_any_grid():
    data = benzoate()
    field = MolField()(data)
    assert deviation(find_atoms(field), data) < 1e-4
    alone = RBFField(field.centers, field.weights, field.widths, channels=field.channels)
    assert deviation(find_atoms(alone - 0.0 * alone, Grid.around(data.pos, spacing=0.4)), data) < 1e-4
    axes = ((0.4, 0.1, 0.0), (-0.1, 0.45, 0.05), (0.0, 0.1, 0.5))
    skew = Grid((-6.0, -7.0, -5.0), axes, (34, 32, 20))
    assert deviation(find_atoms(field, skew), data) < 1e-4


def test_periodic_volume():
    cell = torch.tensor([[9.0, 0, 0], [1.0, 8.0, 0], [0, 0, 7.0]], dtype=torch.float64)
    data = benzoate()
    data.cell, data.pbc = cell[None], torch.tensor([[True, True, True]])
    volume = MolField()(data).on(Grid.from_cell(cell, (22, 20, 18))).interpolated("linear", periodic=True)
    found = find_atoms(volume)
    assert torch.allclose(found.cell[0], cell)
    assert found.pbc.all()
    difference = (found.pos[:, None] - data.pos) @ torch.linalg.inv(cell)
    distances = ((difference - difference.round()) @ cell).norm(dim=2)
    distances[found.z[:, None] != data.z] = 1e6
    row, column = linear_sum_assignment(distances)
    assert float(distances[row, column].max()) < 1e-3


def test_definition_names_the_channels():
    from tg_molfield import Channel

    data = benzoate()
    definition = MolField([Channel("carbon", "C"), Channel("oxygen", "O"), Channel("hydrogen", "H")])
    assert deviation(find_atoms(sampled(definition, data), mol_field=definition), data) < 1e-4


@pytest.mark.parametrize(("every", "as_volume"), [(10, False), (60, True)])
def test_fields_of_any_width_need_no_definition(data_dir, every, as_volume):
    definition = MolField.preset("mnf", beta=0.75, channels=ELEMENTS, normalize_grid_size=None)
    molecules = read(data_dir / "smallmol" / "freesolv.sdf.gz")[::every]
    assert len(molecules) > 10
    for data in molecules:
        field = sampled(definition, data, 0.5) if as_volume else definition(data)
        assert deviation(find_atoms(field.with_mol_field(None), errors="raise"), data) < 1e-3, data.name


@pytest.mark.parametrize(
    "definition",
    [
        MolField.preset("mnf", normalize_grid_size=None),
        MolField(width_scale=0.3),
        MolField("H C O", normalize_grid_size=16),
    ],
    ids=["mnf", "narrow", "normalized"],
)
def test_unknown_widths_are_reported(definition):
    data = benzoate()
    field = definition(data)
    recovery = recover_atoms(field.on(Grid.around(data.pos, spacing=0.4)).with_mol_field(None), errors="raise")
    assert deviation(recovery.data, data) < 1e-4
    for report in recovery.channels:
        if report.num_atoms:
            true = field.widths[field[report.name].weights[:, 0] != 0][0]
            assert report.width == pytest.approx(float(true), rel=1e-3)


def test_a_field_searched_by_its_own_definition():
    data = benzoate()
    for definition in (MolField.preset("mnf"), MolField("H C O", kernel="slater", width_scale=0.4)):
        assert deviation(find_atoms(sampled(definition, data), errors="raise"), data) < 1e-3
        assert deviation(find_atoms(definition(data), errors="raise"), data) < 1e-3
    with pytest.raises(ValueError, match="expected a sum of one function an atom"):
        find_atoms(sampled(MolField("H C O", aggregate="union"), data))


def test_a_decoded_field_comes_back():
    from tg_molfield import FieldAutoEncoder, from_smiles

    data = from_smiles("c1ccccc1")
    field = FieldAutoEncoder.from_pretrained("organic-small").field(data)
    for one in (field, field.with_mol_field(None)):
        assert sorted(find_atoms(one, errors="raise").z.tolist()) == [1] * 6 + [6] * 6


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, True)])
def test_periodic_field(pbc):
    cell = torch.tensor([[9.0, 0, 0], [1.0, 8.0, 0], [0, 0, 7.0]], dtype=torch.float64)
    data = benzoate()
    data.cell, data.pbc = cell[None], torch.tensor([pbc])
    field = MolField()(data)
    found = find_atoms(field, errors="raise")
    if all(pbc):
        assert len(find_atoms(field, Grid.from_cell(cell, (24, 22, 20)), errors="raise").z) == len(data.z)
    assert found.pbc.tolist() == [list(pbc)]
    assert torch.allclose(found.cell[0][list(pbc)], cell[list(pbc)])
    steps = (found.pos[:, None] - data.pos) @ torch.linalg.inv(cell)
    distances = ((steps - steps.round() * torch.tensor(pbc)) @ cell).norm(dim=2)
    distances[found.z[:, None] != data.z] = 1e6
    row, column = linear_sum_assignment(distances)
    assert len(found.z) == len(data.z)
    assert float(distances[row, column].max()) < 1e-3


def test_wrong_or_missing_definitions_are_told():
    data, definition = benzoate(), MolField.preset("mnf", normalize_grid_size=None)
    with pytest.warns(UnexplainedChannelWarning, match=r"expected σ = 0.85 Å, got samples with 0.816 Å"):
        find_atoms(sampled(definition, data)["C"], mol_field=MolField())
    slater = sampled(MolField("C", kernel="slater", width_scale=0.4), data).with_mol_field(None)
    with pytest.warns(UnexplainedChannelWarning, match="unexplained"):
        find_atoms(slater)
    pos, half = data.pos[data.z == 8], torch.full((4, 1), 0.5, dtype=torch.float64)
    two = RBFField(torch.cat([pos, pos]), half, half[:, 0] * torch.tensor([1, 1, 2, 2]), channels=["O"])
    with pytest.warns(UnexplainedChannelWarning, match=r"channel 'O': expected one width, got .* 0.5 to 1 Å"):
        find_atoms(two)


def test_a_small_part_that_is_no_atom_is_told_also_with_a_definition():
    data, definition = benzoate(), MolField("C")
    extra = RBFField(
        data.pos[:1] * 0.0, torch.full((1, 1), 0.1).double(), torch.tensor([0.85]).double(), channels=["C"]
    )
    grid = Grid.around(data.pos, spacing=0.4)
    volume = Volume(definition(data).on(grid).values + extra.on(grid).values, grid, ["C"])
    with pytest.warns(UnexplainedChannelWarning, match=r"channel 'C': expected a sum of equal atoms"):
        found = recover_atoms(volume, mol_field=definition)
    assert len(found.data.z) == 7
    assert found.channels[0].residual < 0.1


def test_what_is_not_explained_is_told():
    data = benzoate()
    wrong = MolField("H C O", width_scale=0.9)
    volume = sampled(MolField("H C O"), data)
    with pytest.warns(UnexplainedChannelWarning, match=r"channel 'C': expected .* unexplained"):
        find_atoms(volume["C"], mol_field=wrong)
    with pytest.raises(ValueError, match="unexplained"):
        find_atoms(volume, mol_field=wrong, errors="raise")
    with pytest.warns(UnexplainedChannelWarning, match="got atoms in 'other'"):
        found = find_atoms(sampled(MolField("C O other"), data), mol_field=MolField("C O other"))
    assert 1 not in found.z


class Everywhere(Kernel):
    name = "everywhere"

    def value(self, s: torch.Tensor) -> torch.Tensor:
        return 1 / (1 + s)

    def reach(self, tolerance: float) -> float:
        return float("inf")


def test_errors():
    data = benzoate()
    volume = sampled(MolField("H C O"), data)
    with pytest.raises(ValueError, match="expected atoms in channels"):
        find_atoms(0.0 * volume)
    with pytest.raises(ValueError, match=r"expected channels named after elements, .* got 0"):
        find_atoms(Volume(volume.values[0], volume.grid))
    with pytest.raises(ValueError, match="grid: expected the Grid"):
        find_atoms(RBFField(data.pos[:0], data.pos[:0, :1], channels=["C"]))
    with pytest.raises(ValueError, match="NaN"):
        find_atoms(Volume(volume.values * torch.nan, volume.grid, volume.channels))
    with pytest.raises(ValueError, match="at least 2 nodes along each axis, got 1×9×9"):
        find_atoms(MolField("C")(data), Grid((0, -2, -2), ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)), (1, 9, 9)))
    with pytest.raises(ValueError, match="got 'quiet'"):
        find_atoms(volume, errors="quiet")
    with pytest.raises(ValueError, match="expected a σ of channel 'C'"):
        find_atoms(volume["C"], mol_field=MolField("C", widths="sigma"))
    with pytest.raises(ValueError, match="aggregate='sum'"):
        find_atoms(volume, mol_field=MolField("H C O", aggregate="union"))
    for kernel, match in (("hard_sphere", "expected one with a slope"), (Everywhere(), "expected one of finite reach")):
        with pytest.raises(ValueError, match=match):
            find_atoms(volume, mol_field=MolField("H C O", kernel=kernel))


@pytest.mark.parametrize(("smiles", "spacing", "margin"), [("CCO", 0.5, 1.0), ("CC(=O)Oc1ccccc1C(=O)O", 0.25, 0.0)])
def test_no_atoms_are_found_outside_the_grid(smiles, spacing, margin):
    molecule = from_smiles(smiles)
    found = find_atoms(MolField("H C N O other")(molecule).on(Grid.around(molecule.pos, spacing, margin=margin)))
    assert sorted(found.z.tolist()) == sorted(molecule.z.tolist())


def test_thin_grids_are_no_error():
    molecule = from_smiles("c1ccccc1")
    volume = MolField("H C N O other")(molecule).on(Grid.around(molecule.pos, 0.25, margin=0.25))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert 0 < len(find_atoms(volume).z) <= 12
