import pytest
import torch
from hard_molecules import batched, molecules
from torch_geometric.data import Batch, Data

from tg_molfield.fields import MolField, RBFField
from tg_molfield.nn import FieldAutoEncoder, Latent, Pose, StructureFactorDecoder
from tg_molfield.nn.decoders.gaussian_atoms.merging import merge_frames
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.least_squares import fit_positions, mean_square_residual
from tg_molfield.nn.ops.structure_factors import StructureFactors

CHANNELS = "H C N O F other all"
FIELD = MolField(CHANNELS)
ELEMENTS = ("H", "B", "C", "N", "O", "F", "Ne", "S", "Cl")
TOLERANCE = {"atol": 1e-8, "rtol": 0}


def build(**options) -> FieldAutoEncoder:
    torch.manual_seed(0)
    options = {"elements": ELEMENTS, "width": 8, "num_rounds": 2, **options}
    return FieldAutoEncoder(FIELD, 256, "structure_factors", decoder_options=options).eval()


@pytest.fixture(scope="module")
def model():
    return build().double()


@pytest.fixture(scope="module")
def encoded(model):
    z, pos, owner = batched(list(molecules().values()))
    return z, pos, owner, model.encode(z, pos, owner)


def points(num_graphs: int):
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(9 * num_graphs, 3, generator=generator, dtype=torch.float64), torch.arange(
        num_graphs
    ).repeat_interleave(9)


def test_codes_are_decoded_exactly_without_training(model, encoded):
    z, pos, owner, latent = encoded
    query, query_batch = points(len(latent))
    true = FIELD(Batch(z=z, pos=pos, batch=owner))
    torch.testing.assert_close(model.decode(latent, query, query_batch), true(query, query_batch), atol=1e-3, rtol=0)
    assert float(model.decoder.residual(latent).max()) < 1e-12


def test_the_code_adds_up(model):
    z, pos = molecules()["CH3CH2OH"]
    transform = model.decoder.transform
    one, two = torch.zeros_like(z), torch.arange(len(z)) % 2
    order = two.argsort(stable=True)
    parts = transform(z[order], pos[order], two[order], 2)
    torch.testing.assert_close(parts.sum(0), transform(z, pos, one, 1)[0])


def test_means_of_codes_have_mean_integrals(model):
    found = molecules()
    z, pos, owner = batched([found["CO2"], found["CH3CH2OH"]])
    code = model.encode(z, pos, owner).code
    mean = model.decoder.atoms(Latent.centered(code.mean(0)))
    counts = torch.zeros(len(ELEMENTS)).double().index_add(0, mean.kinds[0], mean.weights[0])
    torch.testing.assert_close(counts, code[:, : len(ELEMENTS)].mean(0))
    assert bool(mean.pos.isfinite().all())


def test_the_field_is_differentiable_in_the_code(model):
    z, pos = molecules()["CH3CH2OH"]
    code = model.encode(z, pos).code.detach().requires_grad_()
    generator = torch.Generator().manual_seed(0)
    query = pos[:4] + 0.3

    def value(code):
        return model.decode(Latent.centered(code), query).square().sum()

    (gradient,) = torch.autograd.grad(value(code), code)
    other = pos + 0.01 * torch.randn(pos.shape, generator=generator, dtype=pos.dtype)
    transform = model.decoder.transform
    way = torch.zeros_like(code)
    local = model.encode(z, pos).to_local(pos, torch.zeros_like(z))
    way[:, : transform.size] = transform(z, local + (other - pos), torch.zeros_like(z), 1) - transform(
        z, local, torch.zeros_like(z), 1
    )
    step = 1e-4
    difference = (value(code + step * way) - value(code - step * way)) / (2 * step)
    torch.testing.assert_close((gradient * way).sum(), difference, rtol=1e-2, atol=1e-8)


def test_refined_codes_are_no_worse_and_say_which_search():
    model = build(num_searches=1)
    generator = torch.Generator().manual_seed(3)
    pos = 2.2 * torch.randn(120, 3, generator=generator)
    z = torch.tensor([1, 6, 8]).repeat(40)
    owner = torch.arange(4).repeat_interleave(30)
    plain = model.encode(z, pos, owner)
    refined = model.encode(z, pos, owner, refine=100, target=FIELD(Batch(z=z, pos=pos, batch=owner)))
    before, after = model.decoder.residual(plain), model.decoder.residual(refined)
    better = after < before
    assert bool((before > 1e-3).all())
    assert bool(better.any())
    assert bool((after <= before * (1 + 1e-4)).all())
    assert bool(((refined.search_seed[better] >= 1) & (refined.search_seed[better] <= 4)).all())
    assert torch.equal(refined.code, plain.code)
    assert torch.equal(refined[1:3].search_seed, refined.search_seed[1:3])
    assert torch.equal(model.encode(z, pos, owner, refine=25).code, plain.code), "no target is needed"


def test_what_cannot_be_encoded_is_named():
    model = build()
    with pytest.raises(ValueError, match=r"z: expected elements that this model knows \(H, B.*got He, Xe"):
        model.encode(torch.tensor([2, 6, 54]), torch.randn(3, 3))
    most = model.decoder.max_atoms
    z = torch.full((most + 2,), 6)
    with pytest.raises(ValueError, match=f"molecule 1: expected at most {most} atoms.*got {most + 1}"):
        model.encode(z, torch.randn(most + 2, 3), torch.tensor([0] + [1] * (most + 1)))
    with pytest.raises(ValueError, match="counts of 900000"):
        model.decoder.atoms(Latent.centered(torch.full((1, 256), 1e5)))
    with pytest.raises(ValueError, match="symbols of elements"):
        build(elements=("H", "Q"))
    with pytest.raises(ValueError, match="size: expected at least 17 for 9 elements, got 10"):
        FieldAutoEncoder("H C", 10, "structure_factors", decoder_options={"elements": ELEMENTS})
    with pytest.raises(ValueError, match="num_rounds, num_searches: expected at least 1 and 0, got 0"):
        build(num_rounds=0)


@pytest.mark.parametrize("numbers", [[6], [6, 6], [6, 8], [1, 1, 1]])
def test_atoms_in_one_place(numbers):
    model = build()
    z, pos = torch.tensor(numbers), torch.full((len(numbers), 3), 5.0)
    query = pos[:1] + 0.5
    torch.testing.assert_close(model(z, pos, query), FIELD(Data(z=z, pos=pos))(query), atol=1e-3, rtol=1e-3)


def test_codes_of_nothing_and_of_noise_have_finite_fields():
    model = build(num_searches=1)
    assert model.decode(Latent.centered(torch.zeros(1, 256)), torch.randn(4, 3)).abs().max() == 0
    noise = torch.randn(2, 256, generator=torch.Generator().manual_seed(0))
    assert bool(model.decode(Latent.centered(noise), torch.randn(4, 3), torch.tensor([0, 0, 1, 1])).isfinite().all())


def test_definitions_that_it_can_follow():
    decoder = StructureFactorDecoder(("C", "all"), 128)
    decoder.set_mol_field(MolField.preset("mnf", channels="C all", normalize_grid_size=None))
    z, pos = torch.tensor([6]), torch.zeros(1, 3)
    wanted = MolField.preset("mnf", channels="C all", normalize_grid_size=None)(Data(z=z, pos=pos))
    code = decoder.transform(z, pos, torch.zeros_like(z), 1)
    field = decoder.field(Latent.centered(code))
    assert isinstance(field, RBFField)
    torch.testing.assert_close(field(pos + 0.4), wanted(pos + 0.4))
    with pytest.raises(ValueError, match="set normalize_grid_size to None"):
        decoder.set_mol_field(MolField.preset("mnf", channels="C all"))
    with pytest.raises(ValueError, match="expected a sum of one Gaussian an atom"):
        decoder.set_mol_field(MolField("C all", kernel="slater"))


def test_optimizers_keep_the_parameters_of_another_definition_with_as_many_channels():
    model = build()
    parameters = set(model.parameters())
    model.set_mol_field(MolField(model.channels, widths=0.6))
    assert set(model.parameters()) == parameters


def test_a_model_follows_another_definition_and_is_saved_with_it(tmp_path):
    model = build()
    other = MolField("C O mass", widths=0.6)
    model.set_mol_field(other)
    model.save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors")
    assert loaded.channels == other.channels
    z, pos = molecules()["CH3CH2OH"]
    wanted = other(Data(z=z, pos=pos.float()))(pos.float())
    torch.testing.assert_close(loaded(z, pos.float(), pos.float()), wanted, atol=1e-3, rtol=1e-4)
    assert loaded.mol_field == other == loaded.field(Data(z=z, pos=pos.float())).mol_field


@pytest.mark.parametrize("every", [1, 2, 3])
def test_some_structure_factors_are_enough_to_fit_few_atoms(model, every):
    z, pos = molecules()["CH3CH2OH"]
    transform, kinds = model.decoder.transform, model.decoder.transform.kinds(z).unsqueeze(0)
    ones = torch.ones(1, len(z), dtype=torch.float64)
    true = PaddedAtoms(pos.unsqueeze(0), kinds, ones.bool(), ones)
    factors = true.structure_factors(transform).sum(1)
    shaken = true.at(true.pos + 0.1 * torch.randn(true.pos.shape, generator=torch.Generator().manual_seed(0)))
    found, _ = fit_positions(transform, shaken, factors, 12, every=every)
    torch.testing.assert_close(found.pos, true.pos, **TOLERANCE)
    assert mean_square_residual(transform, shaken, factors) > 1e-3
    assert mean_square_residual(transform, found, factors) < 1e-15


def test_a_transform_names_what_does_not_fit():
    with pytest.raises(ValueError, match="shortest, longest: expected"):
        StructureFactors(64, longest=2.0, shortest=3.0)
    with pytest.raises(ValueError, match="none twice"):
        StructureFactors(64, ("H", "H"))


def test_saved_and_loaded_are_the_same(tmp_path):
    model = build()
    model.decoder.set_mol_field(MolField.preset("mnf", channels=CHANNELS, normalize_grid_size=None))
    model.save(tmp_path / "model.safetensors")
    z, pos = molecules()["CH3CH2OH"]
    for loaded in (FieldAutoEncoder.load(tmp_path / "model.safetensors"), FieldAutoEncoder.from_pretrained(tmp_path)):
        assert torch.equal(loaded(z, pos.float(), pos.float()), model(z, pos.float(), pos.float()))


@pytest.mark.parametrize("name", ["C6H6", "CH4", "SF6", "CO2", "CH3CH2OH", "Ne"])
def test_one_gaussian_an_atom(model, name):
    z, pos = molecules()[name]
    field = model.field(Data(z=z, pos=pos))
    assert len(field.centers) == len(z)
    assert torch.cdist(field.centers, pos).amin(1).max() < 1e-6


def test_frames_that_disagree_keep_their_atoms():
    mask = torch.ones(1, 2, dtype=torch.bool)
    pos = torch.tensor([[[1.0, 0.0, 0.0], [-1.0, 0.3, 0.0]]])
    flip = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    pose = Pose(
        torch.zeros(1, 3), torch.stack([torch.eye(3), flip])[None], torch.tensor([[0.6, 0.4]]), torch.tensor([3])
    )
    atoms = PaddedAtoms(pos, torch.zeros(1, 2, dtype=torch.int64), mask, mask.float())
    places, _, strength, owner = merge_frames(atoms, pose)
    assert places.shape == (4, 3)
    assert owner.tolist() == [0] * 4
    torch.testing.assert_close(strength, torch.tensor([0.6, 0.6, 0.4, 0.4]))
    near = PaddedAtoms(torch.tensor([[[1.0, 0.0, 0.0], [-1.0, 5e-4, 0.0]]]), *(atoms.kinds, mask, mask.float()))
    places, _, strength, _ = merge_frames(near, pose)
    torch.testing.assert_close(strength, torch.ones(2))
    torch.testing.assert_close(places[0], 0.6 * near.pos[0, 0] + 0.4 * flip @ near.pos[0, 1])


def test_refining_again_loses_nothing():
    model = build(num_searches=1)
    generator = torch.Generator().manual_seed(3)
    z, owner = torch.tensor([1, 6, 8]).repeat(40), torch.arange(4).repeat_interleave(30)
    plain = model.encode(z, 2.2 * torch.randn(120, 3, generator=generator), owner)
    once = model.decoder.refine(plain, None, 100)
    again = model.decoder.refine(once, None, 25)
    assert bool((once.search_seed > 0).any())
    assert bool((model.decoder.residual(again) <= model.decoder.residual(once) * (1 + 1e-4)).all())
