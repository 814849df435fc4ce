import json

import pytest
import torch
from safetensors import safe_open

from tg_molfield import FieldAutoDecoder, MolField, RBFField, Volume
from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields import Grid
from tg_molfield.fields.kernels import FunctionKernel
from tg_molfield.inverse.superres import LatticeField, SuperresField, superresolve

GRID = Grid((1.0, 2.0, 3.0), ((0.8, 0, 0), (0, 0.9, 0), (0, 0, 1.1)), (6, 5, 4))


def points(dtype=torch.float64):
    return 1 + 4 * torch.rand(40, 3, dtype=dtype, generator=torch.Generator().manual_seed(1))


def functions(kernel="gaussian", **options):
    chance = torch.Generator().manual_seed(2)
    centers, weights = (torch.randn(5, n, generator=chance, dtype=torch.float64) for n in (3, 2))
    return RBFField(centers, weights, 1.1, kernel, ("a", "b"), **options)


def nodes(kinds=("gaussian", "gaussian"), periodic=False):
    weights = torch.randn(2, *GRID.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return LatticeField(weights, GRID, (1.0, 0.7), ("a", "b"), (periodic,) * 3, kinds)


def round_trip(field, folder):
    field.save(folder / "field.safetensors")
    return SuperresField.load(folder / "field.safetensors")


@pytest.mark.parametrize("kind", ["gaussian", "matern52", "matern32", "exponential"])
@pytest.mark.parametrize("periodic", [False, True])
def test_covariances_survive(kind, periodic, tmp_path):
    field = SuperresField(functions(), [nodes((kind, "gaussian"), periodic)])
    loaded = round_trip(field, tmp_path)
    assert loaded.lattices[0].kinds == (kind, "gaussian")
    assert loaded.lattices[0].periodic == field.lattices[0].periodic
    assert torch.equal(loaded(points()), field(points()))
    assert torch.equal(loaded.on(GRID.refined(2)).values, field.on(GRID.refined(2)).values)


def test_fields_are_loaded_where_the_default_device_has_no_memory(tmp_path):
    field = SuperresField(functions(), [nodes()])
    with torch.device("meta"):
        loaded = round_trip(field, tmp_path)
    assert torch.equal(loaded(points()), field(points()))


def test_kernels_and_atoms_survive(tmp_path):
    atoms = AtomList(torch.tensor([6, 8]), torch.eye(3, dtype=torch.float64)[:2])
    field = SuperresField(functions("slater", atoms=atoms), [nodes()]).to(torch.float32)
    loaded = round_trip(field, tmp_path)
    assert loaded.functions.kernel.name == "slater"
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.atoms.pos, field.atoms.pos)
    assert torch.equal(loaded(points(torch.float32)), field(points(torch.float32)))


def test_a_map_with_cusps_survives(tmp_path):
    """A map whose likeliest covariance is rough."""
    grid = Grid.cube((0, 0, 0), 11.0, 16)
    places = 8 * torch.rand(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 4
    samples = RBFField(places, torch.ones(12).double(), 0.7, "slater", ["rho"]).on(grid)
    field, _ = superresolve(samples, "kriging")
    assert field.lattices[0].kinds != ("gaussian",)
    assert torch.equal(round_trip(field, tmp_path)(points()), field(points()))


@pytest.mark.filterwarnings("ignore::tg_molfield.inverse.superres.SuperresWarning")
def test_kriging_of_a_crystal_is_saved_with_its_period(tmp_path):
    grid = Grid.from_cell([[6.0, 0, 0], [-3.0, 5.2, 0], [0, 0, 5.0]], (8, 8, 7))
    values = torch.randn(2, 8, 8, 7, generator=torch.Generator().manual_seed(0))
    field, _ = superresolve(Volume(values, grid, ("a", "b"), periodic=True), "kriging")
    loaded, query = round_trip(field, tmp_path), torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(loaded(query), field(query))
    torch.testing.assert_close(loaded(query + grid.cell[0].float()), loaded(query), atol=1e-3, rtol=0)


def test_functions_of_a_nameless_kernel_are_not_saved(tmp_path):
    kernel = FunctionKernel(lambda s: torch.exp(-s.square()), 3.0)
    with pytest.raises(ValueError, match="only kernels known by name can be saved"):
        SuperresField(functions(kernel), [nodes()]).save(tmp_path / "field.safetensors")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "field.safetensors"
    with pytest.raises(FileNotFoundError, match="expected an existing file, got none"):
        SuperresField.load(path)
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="got a damaged or other one"):
        SuperresField.load(path)
    SuperresField(functions(), [nodes()]).save(path)
    with pytest.raises(ValueError, match=r"got a SuperresField; use SuperresField\.load"):
        FieldAutoDecoder.load(path)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["tg_molfield"])["hyper_parameters"]["channels"] == ["a", "b"]


def test_fields_move_and_keep_their_atoms():
    atoms = AtomList(torch.tensor([6]), torch.zeros(1, 3).double())
    field = SuperresField(functions(), [nodes(("exponential", "gaussian"))]).with_atoms(atoms)
    single = field.to(torch.float32)
    assert isinstance(single, SuperresField)
    assert single.dtype == single.lattices[0].dtype == single.functions.dtype == torch.float32
    torch.testing.assert_close(single(points().float()).double(), field(points()), atol=1e-3, rtol=1e-3)
    assert single["b"].atoms.pos.dtype == torch.float32
    known = field.with_mol_field(MolField("H C", widths=1.1, width_scale=1.0))
    assert known["b"].mol_field is known.to(torch.float32).mol_field is known.on(GRID).mol_field is known.mol_field
    assert field["b"].atoms is atoms


def test_the_definition_is_kept(tmp_path):
    known = MolField("H C", widths=1.1, width_scale=1.0)
    SuperresField(functions(), [nodes()]).with_mol_field(known).save(tmp_path / "field.safetensors")
    assert SuperresField.load(tmp_path / "field.safetensors").mol_field == known
