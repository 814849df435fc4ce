import warnings

import pytest
import torch
from small_models import build
from torch_geometric.data import Batch, Data

from tg_molfield import from_smiles
from tg_molfield.nn import FieldAutoEncoder, OutOfDomainWarning
from tg_molfield.nn.embedding.nearest import nearest


@pytest.fixture(scope="module")
def pretrained():
    return FieldAutoEncoder.from_pretrained("organic-small")


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles) for smiles in ("CCO", "c1ccccc1", "CC(=O)O", "N", "C[C@H](N)C(=O)O")]


def atoms(numbers, spread=1.5, **more):
    pos = torch.arange(len(numbers))[:, None] * torch.tensor([[spread, 0.3, 0.0]])
    return Data(z=torch.tensor(numbers), pos=pos, **more)


def test_codes_are_those_of_encode_whatever_the_batches(pretrained, molecules):
    expected = torch.cat([pretrained.encode(one).code for one in molecules]).detach()
    for given in (molecules, iter(molecules), Batch.from_data_list(molecules)):
        found = pretrained.embed(given, batch_size=2)
        torch.testing.assert_close(found.code, expected, rtol=0, atol=1e-5)
        assert torch.equal(found.summary, found.code[:, -pretrained.summary_channels :])
        assert found.index.tolist() == list(range(len(molecules)))
        assert found.failed == {}
    assert len(pretrained.embed(molecules[0])) == 1
    assert not found.code.requires_grad


def test_positions_in_double_precision_far_away_lose_nothing(pretrained, molecules):
    far = [one.clone() for one in molecules]
    for one in far:
        one.pos = one.pos.double() + 1e6
    torch.testing.assert_close(pretrained.embed(far).code, pretrained.embed(molecules).code, rtol=0, atol=1e-4)


def test_no_molecule_has_no_rows(pretrained):
    found = pretrained.embed([])
    assert found.code.shape == (0, 512)
    assert found.summary.shape == (0, 64)


def test_the_modes_of_all_parts_are_as_they_were():
    model = build()
    model.train()
    model.pooling.eval()
    expected = [part.training for part in model.modules()]
    first, second = (model.embed([atoms([6, 8, 1])]).code for _ in range(2))
    assert torch.equal(first, second)  # training draws random frames
    assert [part.training for part in model.modules()] == expected
    assert model.domain.elements == ()
    with pytest.raises(ValueError, match="molecules"):
        model.embed([Data(z=torch.tensor([6]))])
    assert [part.training for part in model.modules()] == expected


def test_batches_are_bounded_by_atoms(monkeypatch):
    model = build()
    sizes = []
    encode = model._codes
    monkeypatch.setattr(model, "_codes", lambda group: sizes.append([len(one.z) for one in group]) or encode(group))
    model.embed([atoms([6] * 3000)] * 3 + [atoms([6])] * 5, batch_size=4)
    assert sizes == [[3000, 3000], [3000, 1, 1, 1], [1, 1]]


def test_molecules_without_a_code_are_named(pretrained, molecules):
    bad = {
        1: (atoms([26, 1]), "Fe"),
        2: (atoms([6, 6], float("nan")), "finite positions"),
        4: (Data(z=torch.tensor([6])), "data.pos"),
        5: (atoms([6, 1], cell=torch.eye(3)[None], pbc=torch.ones(1, 3, dtype=torch.bool)), "crystal"),
        6: (atoms([6, 6], 1e20, name="torn"), "finite numbers"),
    }
    given = [molecules[0]] * 8
    for place, (data, _) in bad.items():
        given[place] = data
    found = pretrained.embed(given, errors="skip")
    assert found.index.tolist() == [0, 3, 7]
    assert list(found.failed) == list(bad)
    for place, (data, reason) in bad.items():
        assert reason in found.failed[place]
        with pytest.raises(ValueError, match=rf"molecules\[1\].*{reason}"):
            pretrained.embed([molecules[0], data])
    with pytest.raises(ValueError, match=r"molecules\[0\] \('torn'\)"):
        pretrained.embed([bad[6][0]])


def test_properties_that_are_missing_are_named():
    model = build(properties="partial_charge")
    charged = atoms([6, 8], partial_charge=torch.tensor([0.1, -0.1]))
    torch.testing.assert_close(model.embed([charged, charged]).code[1], model.embed([charged]).code[0])
    with pytest.raises(ValueError, match=r"molecules\[1\]: data.partial_charge"):
        model.embed([charged, atoms([6, 8])])


@pytest.mark.parametrize("given", ["CCO", [1], [Batch.from_data_list([atoms([6])])], 3, {}])
def test_what_is_no_molecule_is_refused(given):
    with pytest.raises(TypeError, match="molecules"):
        build().embed(given)


def test_numbers_out_of_range_are_refused(molecules):
    with pytest.raises(ValueError, match="batch_size"):
        build().embed(molecules, 0)
    with pytest.raises(ValueError, match="errors"):
        build().embed(molecules, errors="ignore")


def test_one_warning_for_each_reason_names_the_first_molecule(pretrained, molecules):
    chain = from_smiles("C" * 40)
    bare = atoms([6, 6, 6])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pretrained.embed([molecules[0], chain, bare, chain], batch_size=1)
    told = [str(one.message) for one in caught]
    assert all(issubclass(one.category, OutOfDomainWarning) for one in caught)
    assert len(told) == 2
    assert told[0].startswith("molecules[1] ('CCCC")
    assert "at most 96 atoms, as in training, got 122 (and 1 more)" in told[0]
    assert told[1].startswith("molecules[2]: expected explicit hydrogens")


def test_progress_reaches_the_end(pretrained, molecules):
    seen = []
    pretrained.embed([*molecules, Data()], batch_size=2, errors="skip", progress=lambda *now: seen.append(now))
    assert seen[-1] == (6, 6)
    assert seen == sorted(seen)
    pretrained.embed(iter(molecules), progress=lambda *now: seen.append(now))
    assert seen[-1] == (5, None)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_nearest_are_those_of_all_distances(distance, seeded, monkeypatch):
    monkeypatch.setattr("tg_molfield.nn.embedding.nearest.ROWS_AT_ONCE", 30)
    monkeypatch.setattr("tg_molfield.nn.embedding.nearest._COLUMNS_AT_ONCE", 7)
    points = torch.randn(200, 5)
    points[7] = points[3]
    found = nearest(points, 4, distance)
    exact = points.double()
    if distance == "cosine":
        exact = torch.nn.functional.normalize(exact)
        distances = 1 - exact @ exact.T
    else:
        distances = torch.cdist(exact, exact, compute_mode="donot_use_mm_for_euclid_dist")
    distances.fill_diagonal_(torch.inf)
    expected = distances.topk(4, largest=False)
    torch.testing.assert_close(found.distance, expected.values, rtol=0, atol=1e-12)
    assert torch.equal(found.index, expected.indices)
    assert found.distance[3, 0] == found.distance[7, 0] == 0


def test_memory_for_neighbors_is_that_of_a_block(seeded, largest_bytes, monkeypatch):
    monkeypatch.setattr("tg_molfield.nn.embedding.nearest.ROWS_AT_ONCE", 64)
    monkeypatch.setattr("tg_molfield.nn.embedding.nearest._COLUMNS_AT_ONCE", 512)
    assert largest_bytes(nearest, torch.randn(4000, 4), 3) < 1.1 * 8 * 64 * 512


@pytest.mark.parametrize("scale", [1e-13, 1.0, 1e20])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_nearest_do_not_depend_on_the_unit_of_codes(distance, scale, seeded):
    points = torch.randn(60, 5, dtype=torch.float64)
    expected, found = nearest(points, 4, distance), nearest(scale * points, 4, distance)
    assert torch.equal(found.index, expected.index)
    unit = scale if distance == "euclidean" else 1.0
    torch.testing.assert_close(found.distance, unit * expected.distance, rtol=1e-12, atol=0)


def test_the_nearest_of_codes_that_have_much_in_common(seeded):
    points = 1e6 + 1e-4 * torch.randn(300, 16, dtype=torch.float64)
    distances = (points[:, None] - points).norm(dim=2).fill_diagonal_(torch.inf)
    assert torch.equal(nearest(points, 1, "euclidean").index, distances.argmin(1, keepdim=True))


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_of_many_that_are_equal_the_first_are_the_nearest(distance, seeded):
    points = torch.randn(2, 6).repeat(700, 1)
    expected = torch.tensor([[2, 4, 6], [3, 5, 7], [0, 4, 6]])
    assert torch.equal(nearest(points, 3, distance).index[:3], expected)
    assert torch.equal(nearest(points, 3, distance).index[1001], torch.tensor([1, 3, 5]))


def test_memory_for_many_neighbors_of_long_codes_is_bounded(seeded, largest_bytes):
    assert largest_bytes(nearest, torch.randn(500, 256), 400) < 1.1 * 8 * 2**22


def test_fewer_molecules_than_neighbors(seeded):
    assert nearest(torch.randn(3, 2), 9).index.shape == (3, 2)
    assert nearest(torch.randn(1, 2), 9).index.shape == (1, 0)
    assert nearest(torch.randn(0, 2), 9).index.shape == (0, 0)
    assert nearest(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), 1).distance.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("codes", "k", "distance"),
    [(torch.full((2, 2), torch.nan), 1, "cosine"), (torch.ones(2), 1, "cosine"), (torch.ones(2, 2), 0, "cosine"),
     (torch.full((2, 2), torch.inf), 1, "cosine"), (torch.full((2, 2), -torch.inf, dtype=torch.float16), 1, "cosine"),
     (torch.ones(2, 2), 1, "l1"), (torch.ones(2, 2, dtype=torch.int64), 1, "cosine"),
     (torch.full((2, 2), 1e200, dtype=torch.float64), 1, "euclidean"), (torch.ones(2, 0), 1, "cosine")],
)  # fmt: skip
def test_neighbors_of_something_else_are_refused(codes, k, distance):
    with pytest.raises(ValueError, match="expected"):
        nearest(codes, k, distance)


def test_processes_give_the_same_codes(molecules):
    model = build()
    given = [*molecules, atoms([26, 1]), Data(z=torch.tensor([6])), molecules[0]]
    options = {"batch_size": 2, "errors": "skip"}
    expected, found = model.embed(given, **options), model.embed(given, workers=1, **options)
    torch.testing.assert_close(found.code, expected.code, rtol=0, atol=1e-6)
    assert found.index.tolist() == expected.index.tolist()
    assert found.failed == expected.failed
    model.encoder.hidden_state = lambda: 0
    with pytest.raises(ValueError, match="workers: expected work that can be sent to other processes, got"):
        model.embed(given, workers=1, **options)


def test_molecules_outside_the_domain_are_listed(pretrained, molecules):
    with pytest.warns(OutOfDomainWarning):
        found = pretrained.embed([molecules[0], from_smiles("C" * 40)])
    assert list(found.outside) == [1]
    assert found.outside[1][1].startswith("expected at most 96 atoms")


def test_atoms_of_no_element_and_other_kinds_are_named(pretrained, molecules):
    wrong = [
        Data(z=torch.tensor([150]), pos=torch.zeros(1, 3)),
        Data(z=torch.tensor([6.0]), pos=torch.zeros(1, 3)),
        Data(z=torch.tensor([[6]]), pos=torch.zeros(1, 3)),
    ]
    found = pretrained.embed([molecules[0], *wrong, molecules[0]], errors="skip")
    assert found.index.tolist() == [0, 4]
    assert list(found.failed) == [1, 2, 3]
    assert all("z: expected" in reason for reason in found.failed.values())


def test_positions_of_16_bits_are_those_that_they_are(pretrained, molecules):
    rounded = molecules[0].pos.bfloat16()
    one, two = (pretrained.embed([Data(z=molecules[0].z, pos=pos)]).code for pos in (rounded, rounded.float()))
    assert torch.allclose(one, two, atol=1e-4)
