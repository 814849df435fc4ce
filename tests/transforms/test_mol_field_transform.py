import pytest
import torch
from torch_geometric.data import Batch, Data, InMemoryDataset
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Compose, RandomRotate

from tg_molfield import Grid, MolField, MolFieldTransform
from tg_molfield.transforms import GridSampler, MixtureSampler, NearAtomsSampler, UniformSampler


def molecule(n: int, seed: int = 0) -> Data:
    rng = torch.Generator().manual_seed(seed)
    z = torch.tensor([1, 6, 7, 8])[torch.randint(4, (n,), generator=rng)]
    return Data(z=z, pos=3 * torch.randn(n, 3, generator=rng), y=torch.tensor([float(n)]))


class Molecules(InMemoryDataset):
    """Three molecules on disk, like QM9."""

    @property
    def processed_file_names(self):
        return ["data.pt"]

    def process(self):
        data = [molecule(n) for n in (3, 8, 1)]
        if self.pre_transform is not None:
            data = [self.pre_transform(one) for one in data]
        self.save(data, self.processed_paths[0])

    def __init__(self, root, **options):
        super().__init__(root, **options)
        self.load(self.processed_paths[0])


def test_adds_points_and_values():
    data = molecule(5)
    out = MolFieldTransform(num_queries=64)(data)
    assert out.query_pos.shape == (64, 3)
    assert out.query_batch.tolist() == [0] * 64
    assert torch.equal(out.field, MolField()(data)(out.query_pos))
    assert "query_pos" not in data, "the transform works on a copy"


def test_different_molecules_and_numbers_of_queries_collate():
    grid = MolFieldTransform(sampler=GridSampler(spacing=1.5))
    few = MolFieldTransform(num_queries=7)
    batch = next(iter(DataLoader([few(molecule(4)), grid(molecule(9)), few(molecule(1))], batch_size=3)))
    counts = torch.bincount(batch.query_batch).tolist()
    assert counts[0] == counts[2] == 7
    assert counts[1] == Grid.around(molecule(9).pos, 1.5, 3.0).num_nodes
    field = MolField()(batch)
    assert torch.allclose(field(batch.query_pos, batch.query_batch), batch.field, atol=1e-6)


@pytest.mark.parametrize(
    "sampler", [UniformSampler(), NearAtomsSampler(0.1), MixtureSampler(0.3), GridSampler(spacing=2.0)]
)
def test_batches_get_points_of_every_molecule_and_their_values(sampler):
    molecules = [molecule(n, n) for n in (3, 20, 1)]
    for shift, data in enumerate(molecules):
        data.pos = data.pos.double() + 100 * shift
    number = None if sampler.has_fixed_points else 4000
    transform = MolFieldTransform(num_queries=number, sampler=sampler, seed=1)
    out = transform(Batch.from_data_list(molecules))
    alone = [transform(data) for data in molecules]
    assert torch.bincount(out.query_batch).tolist() == [len(data.query_pos) for data in alone]
    assert bool((out.query_batch.diff() >= 0).all())
    for row, data in enumerate(alone):
        rows = out.query_batch == row
        points = out.query_pos[rows]
        torch.testing.assert_close(out.field[rows], MolField()(data)(points), atol=1e-9, rtol=1e-9)
        # of 4000 draws, the mean errs by 1/63 and the extent by about as much
        spread = data.query_pos.std(0).max()
        assert (points.mean(0) - data.query_pos.mean(0)).abs().max() < 0.12 * spread
        assert (points.std(0) / data.query_pos.std(0) - 1).abs().max() < 0.12
    again = MolFieldTransform(num_queries=number, sampler=sampler, seed=1)(Batch.from_data_list(molecules))
    assert torch.equal(again.query_pos, out.query_pos)


def test_a_batch_of_one_molecule_gets_the_points_of_the_molecule():
    data = molecule(6)
    one, other = (MolFieldTransform(num_queries=9, seed=2)(given) for given in (data, Batch.from_data_list([data])))
    assert torch.equal(one.query_pos, other.query_pos)
    torch.testing.assert_close(one.field, other.field)


@pytest.mark.parametrize("sampler", [MixtureSampler(), GridSampler(spacing=1.5)])
@pytest.mark.parametrize("earlier", [None, 7])
def test_molecules_of_a_batch_keep_their_points_and_values(sampler, earlier):
    molecules = [molecule(n, n) for n in (3, 20, 1)]
    if earlier is not None:
        molecules = [MolFieldTransform(num_queries=earlier)(data) for data in molecules]
    before = Batch.from_data_list(molecules)
    out = MolFieldTransform(num_queries=None if sampler.has_fixed_points else 9, sampler=sampler)(before)

    parts = out.to_data_list()

    for row, data in enumerate(parts):
        rows = out.query_batch == row
        assert torch.equal(data.query_pos, out.query_pos[rows])
        assert torch.equal(data.field, out.field[rows])
        assert torch.equal(data.query_batch, torch.zeros(int(rows.sum()), dtype=torch.long))
        assert torch.equal(out[row].query_pos, data.query_pos)
        assert torch.equal(before[row].pos, molecules[row].pos)
        if earlier is not None:
            assert torch.equal(before[row].query_pos, molecules[row].query_pos)
    again = Batch.from_data_list(parts)
    assert torch.equal(again.query_batch, out.query_batch)
    assert torch.equal(again.field, out.field)


def test_as_transform_draws_anew_and_as_pre_transform_once(tmp_path):
    fresh = Molecules(tmp_path / "a", transform=MolFieldTransform(num_queries=8))
    assert not torch.equal(fresh[0].query_pos, fresh[0].query_pos)
    fixed = Molecules(tmp_path / "b", pre_transform=MolFieldTransform(num_queries=8))
    assert torch.equal(fixed[0].query_pos, fixed[0].query_pos)
    batch = next(iter(DataLoader(fixed, batch_size=3)))
    assert batch.field.shape == (24, 9)
    assert batch.query_batch.tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_composes_after_augmentation():
    data = Compose([RandomRotate(180), MolFieldTransform(num_queries=16)])(molecule(6))
    assert torch.allclose(MolField()(data)(data.query_pos), data.field, atol=1e-6)


@pytest.mark.parametrize("workers", [0, 2])
def test_seed_repeats_the_points(tmp_path, workers):
    def first_points():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            data = Molecules(tmp_path, transform=MolFieldTransform(num_queries=4, seed=3))
            loader = DataLoader(data, batch_size=1, num_workers=workers)
            return [torch.cat([batch.query_pos for batch in loader]) for _ in range(2)]

    once, again = first_points(), first_points()
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    assert not torch.equal(once[0], once[1])


def test_workers_do_not_repeat_each_other(tmp_path):
    same = [molecule(4)] * 2
    data = Molecules(tmp_path, transform=MolFieldTransform(num_queries=4, seed=3))
    data.get = lambda index: same[index].clone()
    first, second = (b.query_pos for b in DataLoader(data[:2], batch_size=1, num_workers=2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    "sampler",
    [UniformSampler(1.0), NearAtomsSampler(0.3), MixtureSampler(0.25, 0.3, 1.0), GridSampler(0.7, 1.0)],
    ids=lambda sampler: type(sampler).__name__,
)
def test_samplers(sampler):
    pos = molecule(6).pos.double()
    one, two = (sampler(pos, 1000, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.dtype == torch.float64
    assert eval(repr(sampler)) == sampler
    if not isinstance(sampler, GridSampler):
        assert one.shape == (1000, 3)
        assert sampler(pos, 0).shape == (0, 3)
    box = Grid.around(pos, 1.0, 1.0 if not isinstance(sampler, NearAtomsSampler) else 2.0)
    steps = box.fractional(one)
    assert (steps > -1).all()
    assert (steps < torch.tensor(box.shape)).all()


def test_near_atoms_are_as_near_as_asked():
    points = NearAtomsSampler(0.3)(torch.zeros(1, 3), 20000, torch.Generator().manual_seed(0))
    distances = torch.cdist(points, torch.zeros(1, 3))
    assert float(distances.square().mean()) == pytest.approx(3 * 0.3**2, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_atoms_of_large_molecules_are_all_drawn_in_16_bits(dtype):
    atoms = torch.arange(4000)
    pos = torch.stack([atoms // 400, atoms // 20 % 20, atoms % 20], 1).to(dtype)

    points = NearAtomsSampler(spread=0.0)(pos, 40000, torch.Generator().manual_seed(0))

    assert points.dtype == dtype
    assert len(torch.unique(points, dim=0)) == 4000


def test_repr_is_complete():
    transform = MolFieldTransform(MolField("H C"), num_queries=7, sampler=NearAtomsSampler(0.5), seed=1)
    assert repr(transform) == repr(MolFieldTransform(MolField("H C"), 7, NearAtomsSampler(0.5), 1))
    for other in (
        MolFieldTransform(MolField("H N"), 7, NearAtomsSampler(0.5), 1),
        MolFieldTransform(MolField("H C"), 8, NearAtomsSampler(0.5), 1),
        MolFieldTransform(MolField("H C"), 7, NearAtomsSampler(0.6), 1),
        MolFieldTransform(MolField("H C"), 7, NearAtomsSampler(0.5), 2),
    ):
        assert repr(other) != repr(transform)


def test_functional_name():
    assert "mol_field" in torch.utils.data.IterDataPipe.functions


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MolFieldTransform(num_queries=0), ValueError, "num_queries: expected at least 1, got 0"),
        (
            lambda: MolFieldTransform(num_queries=7, sampler=GridSampler()),
            ValueError,
            "num_queries: expected None with GridSampler",
        ),
        (
            lambda: MolFieldTransform(seed=1, generator=torch.Generator()),
            ValueError,
            "seed: expected either seed or generator, got both",
        ),
        (
            lambda: MolFieldTransform()(Data(z=torch.ones(1), pos=torch.zeros(1, 3), batch=torch.zeros(1))),
            ValueError,
            "data: expected one molecule or a Batch, got a Data with batch",
        ),
        (
            lambda: MolFieldTransform()(Batch.from_data_list([molecule(2), molecule(0), molecule(1)])),
            ValueError,
            "data: expected atoms in every molecule, got none in molecule 1; leave it out",
        ),
        (lambda: MolFieldTransform()("CCO"), TypeError, "expected a torch_geometric.data.Data, got str"),
        (lambda: MolFieldTransform()(Data(pos=torch.zeros(1, 3))), ValueError, "data.z: expected a tensor, got none"),
        (lambda: UniformSampler(-1), ValueError, "margin: expected .* got -1"),
        (lambda: GridSampler(0), ValueError, "spacing: expected .* got 0"),
        (lambda: MixtureSampler(near=1.5), ValueError, "near: expected .* got 1.5"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
