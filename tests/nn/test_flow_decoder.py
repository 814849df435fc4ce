"""Flow matching from noise to united atoms, and the structure factors beside it."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from hard_molecules import batched, molecules
from small_models import SMALL, awake, build
from torch_geometric.data import Batch, Data

from tg_molfield.fields import MolField
from tg_molfield.nn import Latent
from tg_molfield.nn.decoders.flow.closed_shell import ClosedShell
from tg_molfield.nn.decoders.flow.integration import integrate, times
from tg_molfield.nn.decoders.flow.prediction import Prediction
from tg_molfield.nn.decoders.flow.state import StateLayout
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.gaussian_overlap import squared_distance
from tg_molfield.nn.ops.united_atoms import membership, united_atoms

ELEMENTS = ElementKinds(SMALL["flow"]["elements"])
LAYOUT = StateLayout(len(ELEMENTS.elements))
FIELD = MolField("H C N O other", widths=0.5, width_scale=1.0)
EXACT = {"latent_dim": 256, "decoder_options": {**SMALL["flow"], "exact_dim": 240}}


def atoms_of(names, max_atoms=12):
    z, pos, batch = batched([molecules()[name] for name in names])
    size = len(names)
    return united_atoms(membership(z, pos, batch, size), ELEMENTS(z), pos, batch, size, max_atoms)


def data(name: str) -> Data:
    z, pos = molecules()[name]
    return Data(z=z, pos=pos.float())


def same(one, two):
    numbers = [each.atoms(ELEMENTS.numbers) for each in (one, two)]
    apart = torch.cdist(numbers[0][1], numbers[1][1]) + 1e3 * (numbers[0][0][:, None] != numbers[1][0])
    return apart.shape[0] == apart.shape[1] and float(apart.min(1).values.max()) < 1e-9


def test_a_state_holds_the_atoms():
    atoms = atoms_of(["CH3CH2OH", "CH4", "CO2"])
    for row in range(3):
        part = atoms[row : row + 1]
        assert same(LAYOUT.atoms(LAYOUT.state(part), part.mask), part)


def test_matching_orders_atoms_and_hydrogens_by_the_noise():
    atoms = atoms_of(["CH3CH2OH", "CH4", "cyclobutane"])
    state = LAYOUT.state(atoms)
    noise = torch.randn(state.shape, generator=torch.Generator().manual_seed(0), dtype=state.dtype)
    found, place = LAYOUT.matched(state, noise, atoms.mask)
    for row in range(3):
        part = atoms[row : row + 1]
        assert same(LAYOUT.atoms(found[row : row + 1], part.mask), part)
    assert torch.equal(found[..., :3], state[..., :3].gather(1, place.unsqueeze(2).expand(-1, -1, 3)))
    away = ((found - noise)[..., :3].square().sum(2) * atoms.mask).sum(1)
    shuffled = state[:, torch.randperm(12, generator=torch.Generator().manual_seed(1))]
    again = LAYOUT.matched(
        shuffled[2:, shuffled[2, :, :3].abs().sum(1).argsort(descending=True)], noise[2:], atoms.mask[2:]
    )[0]
    assert torch.allclose(((again - noise[2:])[..., :3].square().sum(2) * atoms.mask[2:]).sum(1), away[2:])
    swapped = found.clone()
    swapped[:, [0, 1]] = found[:, [1, 0]]
    assert bool((((swapped - noise)[..., :3].square().sum(2) * atoms.mask).sum(1)[[0, 2]] > away[[0, 2]]).all())


@pytest.mark.parametrize("num_steps", [1, 7])
def test_a_network_that_knows_the_end_is_followed_to_it(num_steps):
    atoms = atoms_of(["CH3CH2OH", "CH4"])
    end = LAYOUT.state(atoms)
    seen, given = [], []

    def network(state, mask, time, code, noise, previous, guidance):
        seen.append(time.tolist())
        given.append(previous)
        pos, kinds, counts, hydrogens = LAYOUT.split(end)
        return Prediction(pos, 1e3 * kinds, 1e3 * counts, hydrogens)

    network = SimpleNamespace(layout=LAYOUT, __call__=network)
    oracle = type("Oracle", (), {"layout": LAYOUT, "__call__": staticmethod(network.__call__)})()
    start = torch.randn(end.shape, generator=torch.Generator().manual_seed(0), dtype=end.dtype)
    late = torch.tensor([0.0, 0.5], dtype=end.dtype)
    found = integrate(oracle, end[:, 0], torch.zeros(2, dtype=end.dtype), atoms.mask, start, num_steps, late)
    for row in range(2):
        assert same(found[row : row + 1], atoms[row : row + 1])
    shares = [step / num_steps for step in range(num_steps)]
    assert seen == [pytest.approx([share**2, share]) for share in shares]
    assert not given[0].any()
    assert all(torch.equal(one, end) for one in given[1:])


def test_late_steps_are_those_of_early_ones_backwards():
    early, late = torch.tensor([0.0]), torch.tensor([1.0])
    for share in (0.0, 0.15, 0.5, 1.0):
        assert float(times(share, late)) == pytest.approx(1 - float(times(1 - share, early)), abs=1e-7)
    assert float(times(0.25, early)) == 0.0625


@pytest.mark.parametrize(("noise", "lateness"), [(0.0, 0.0), (1.0, 0.0), (1.5, 0.5), (2.0, 1.0), (30.0, 1.0)])
def test_steps_are_short_late_for_noisy_codes(noise, lateness, monkeypatch):
    decoder = awake(build("flow")).decoder
    level = torch.full((2,), noise * decoder.least_noise)
    seen = []
    network = decoder.network
    monkeypatch.setattr(network, "forward", recording(network.forward, seen))
    decoder.num_steps = 4
    code = torch.randn(2, decoder.learned_dim, generator=torch.Generator().manual_seed(0))
    decoder.united_atoms(code, level, torch.tensor([1, 2]), torch.tensor([0, 1]))
    expected = [float(times(step / 4, torch.tensor([lateness]))) for step in range(4)]
    assert seen == [pytest.approx([time, time], abs=1e-6) for time in expected]


def recording(forward, seen):
    def recorded(state, mask, time, *rest):
        seen.append(time.tolist())
        return forward(state, mask, time, *rest)

    return recorded


def test_codes_with_structure_factors_are_decoded_exactly_without_training():
    model = awake(build("flow", channels=FIELD, **EXACT))
    items = [data(name) for name in ("CH3CH2OH", "C6H6", "CO2", "Ne", "CHFClN")]
    found = model.decoded(model.encode(Batch.from_data_list(items)))
    for one, two in zip(items, found, strict=True):
        apart = torch.cdist(one.pos, two.pos) + 1e3 * (one.z[:, None] != two.z)
        assert apart.shape[0] == apart.shape[1]
        assert float(apart.min(1).values.max()) < 1e-3


@pytest.mark.filterwarnings("ignore::tg_molfield.nn.UnsolvedCodeWarning")
def test_without_structure_factors_the_learned_code_alone_is_decoded():
    model = awake(build("flow", channels=FIELD, **EXACT))
    latent = model.encode(data("CH3CH2OH"))
    learned = model.decoder.without_exact(latent)
    assert torch.equal(learned.code[:, :16], latent.code[:, :16])
    assert not learned.code[:, 16:].any()
    found, plain = model.decoded(learned), model.decoded(latent)
    assert sorted(plain[0].z.tolist()) == [1] * 6 + [6, 6, 8]
    assert found[0].z.tolist() != plain[0].z.tolist() or not torch.allclose(found[0].pos, plain[0].pos, atol=0.1)
    mean = latent.with_code(0.5 * (latent.code + model.encode(data("C6H6")).code))
    assert torch.allclose(model.decoded(mean)[0].pos, model.decoded(model.decoder.without_exact(mean))[0].pos)


def test_the_field_is_differentiable_in_the_code():
    model = awake(build("flow", channels=FIELD)).double()
    latent = model.encode(*[part.double() if part.is_floating_point() else part for part in molecules()["CH3CH2OH"]])
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def total(code):
        return model.decoder.field(latent.with_code(code))(points + latent.origin).sum()

    code = latent.code.detach().requires_grad_()
    (slope,) = torch.autograd.grad(total(code), code)
    step = 1e-6 * torch.randn(code.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    change = float(total(code + step).detach() - total(code - step).detach()) / 2
    assert change == pytest.approx(float((slope * step).sum()), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e20, -1e-20])
def test_odd_codes_have_finite_fields(value):
    model = awake(build("flow", channels=FIELD))
    field = model.decoder.field(Latent.centered(torch.full((2, 32), value)))
    assert bool(field(torch.zeros(2, 3), torch.arange(2)).isfinite().all())


def test_codes_that_are_not_numbers_are_refused():
    model = build("flow", channels=FIELD)
    code = torch.zeros(3, 32)
    code[1, 4] = torch.nan
    with pytest.raises(ValueError, match="code: expected finite numbers, got NaN or infinity for molecule 1; encode"):
        model.decoder.field(Latent.centered(code))


def test_what_the_model_has_no_room_for_is_refused():
    model = build("flow", decoder_options={**SMALL["flow"], "max_heavy_atoms": 5})
    with pytest.raises(ValueError, match=r"molecule 0: expected at most 5 heavy atoms, .* got 6; take another model"):
        model.encode(data("C6H6"))
    with pytest.raises(ValueError, match=r"z: expected elements that this model knows .* got Fe"):
        model.encode(torch.tensor([26]), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="latent_dim: expected at least num_tokens=4 numbers besides exact_dim=31"):
        build("flow", decoder_options={**SMALL["flow"], "exact_dim": 31})
    with pytest.raises(ValueError, match="num_steps: expected at least 1, got 0"):
        build("flow", decoder_options={**SMALL["flow"], "num_steps": 0})


def test_refining_takes_the_best_start():
    model, batch = awake(build("flow", channels=FIELD)), Batch.from_data_list([data("CH3CH2OH"), data("C6H6")])
    target = FIELD(batch)
    refined = model.encode(batch, refine=100, target=target)
    assert refined.search_seed.shape == (2,)
    assert int(refined.search_seed.max()) <= 4
    errors = [squared_distance(model.decoder.field(latent), target) for latent in (refined, model.encode(batch))]
    assert bool((errors[0] <= errors[1]).all())
    with pytest.raises(ValueError, match="target: expected the molecules' own field, got None"):
        model.encode(batch, refine=1)


@torch.no_grad()
def test_guidance_goes_on_from_what_the_last_layer_changes():
    network = awake(build("flow", decoder_options={**SMALL["flow"], "num_layers": 2})).decoder.network.double()
    weak = deepcopy(network)
    for layer in (weak.blocks[-1].out, weak.blocks[-1].mlp[-1]):
        layer.weight.zero_()
        layer.bias.zero_()
    atoms = atoms_of(["CH3CH2OH", "CH4"])
    state = LAYOUT.state(atoms)
    code = torch.randn(2, network.whole.in_features, generator=torch.Generator().manual_seed(0), dtype=state.dtype)
    time, noise = torch.tensor([0.3, 0.6]).double(), torch.ones(2).double()
    given = (state, atoms.mask, time, code, noise, torch.zeros_like(state))
    plain, guided, weakly = network(*given), network(*given, torch.tensor([0.0, 0.5]).double()), weak(*given)
    assert float((plain.kinds - weakly.kinds)[1].abs().max()) > 1e-3
    for name in ("pos", "kinds", "counts", "hydrogens"):
        one, two, far = (getattr(prediction, name) for prediction in (plain, guided, weakly))
        torch.testing.assert_close(two[0], one[0])
        torch.testing.assert_close(two[1], 1.5 * one[1] - 0.5 * far[1])


@torch.no_grad()
def test_guidance_of_a_decoder_counts_where_codes_are_noise():
    options = {**SMALL["flow"], "num_layers": 2}
    plain, guided = (awake(build("flow", decoder_options={**options, "guidance": w})).decoder for w in (0.0, 0.8))
    guided.load_state_dict(plain.state_dict())
    code = torch.randn(3, plain.learned_dim, generator=torch.Generator().manual_seed(0))
    number, seed = torch.tensor([4, 2, 3]), torch.arange(3)
    moved = []
    for noise in (0.1, 1.0):
        levels = torch.full((3,), noise)
        one, two = (decoder.united_atoms(code, levels, number, seed).pos for decoder in (plain, guided))
        moved.append(float((one - two).abs().max()))
    assert 0 < moved[0] < moved[1]
    for wrong in (-0.1, 11, float("nan")):
        with pytest.raises(ValueError, match="guidance: expected 0 to 10, got"):
            build("flow", decoder_options={**options, "guidance": wrong})


@torch.no_grad()
def test_guidance_grows_along_the_flow(monkeypatch):
    decoder = awake(build("flow", decoder_options={**SMALL["flow"], "guidance": 0.8})).decoder
    forward, seen = decoder.network.forward, []

    def recorded(state, mask, time, code, noise, previous, guidance):
        seen.append((time, guidance))
        return forward(state, mask, time, code, noise, previous, guidance)

    monkeypatch.setattr(decoder.network, "forward", recorded)
    noise = torch.tensor([0.25, 1.0])
    decoder.united_atoms(torch.zeros(2, decoder.learned_dim), noise, torch.tensor([3, 4]), torch.arange(2))
    assert len(seen) == decoder.num_steps
    for time, guidance in seen:
        torch.testing.assert_close(guidance, 0.8 * noise * time * time)


@pytest.mark.filterwarnings("ignore::tg_molfield.nn.UnsolvedCodeWarning")
def test_codes_without_noise_are_taken_to_have_the_least(monkeypatch):
    model = awake(build("flow", decoder_options={**SMALL["flow"], "least_noise": 0.2}))
    given, forward = [], type(model.decoder.network).forward

    def spied(network, state, mask, time, code, noise, *rest):
        given.append(noise)
        return forward(network, state, mask, time, code, noise, *rest)

    monkeypatch.setattr(type(model.decoder.network), "forward", spied)
    latent = model.encode(data("CH3CH2OH"))
    model.decoded(latent)
    model.sample_near(latent, 0.0, settle=0)
    model.sample_near(latent, 0.1, settle=0)
    assert set(torch.cat(given).tolist()) == {float(torch.tensor(0.2))}
    given.clear()
    model.sample_near(latent, 0.5, settle=0)
    assert set(torch.cat(given).tolist()) == {0.5}
    for wrong in (0.0, -0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="least_noise: expected"):
            build("flow", decoder_options={**SMALL["flow"], "least_noise": wrong})


@pytest.mark.parametrize("bonds", [False, True])
@torch.no_grad()
def test_molecules_of_noisy_codes_have_an_even_number_of_electrons(bonds):
    options = {**SMALL["flow"], "elements": ("H", "C", "N", "O"), "bonds": bonds}
    closed, free = (
        awake(build("flow", decoder_options={**options, "closed_shell": on})).decoder for on in (True, False)
    )
    free.load_state_dict(closed.state_dict())
    code = torch.randn(64, closed.learned_dim, generator=torch.Generator().manual_seed(0))
    seed, noise = torch.arange(64), torch.full((64,), 0.5)
    odd = {}
    for name, decoder in (("closed", closed), ("free", free)):
        for blurred in (torch.ones(64) > 0, None):
            atoms = decoder.find_atoms(code, noise, seed, blurred=blurred)
            z = decoder.element_kinds.numbers[atoms.kinds] * atoms.mask
            odd[name, blurred is None] = z.sum(1) % 2 == 1
    assert not odd["closed", False].any()
    assert odd["free", False].any()
    assert torch.equal(odd["closed", True], odd["free", True])


@pytest.mark.parametrize("least_noise", [0.03, 0.3, 1.0])
@pytest.mark.parametrize("settle", [0, 2])
def test_samples_and_neighbours_have_an_even_number_of_electrons(least_noise, settle):
    options = {**SMALL["flow"], "elements": ("H", "C", "N", "O"), "least_noise": least_noise}
    model = awake(build("flow", channels=MolField("H C N O"), decoder_options=options))
    samples = model.sample(30, settle=settle, generator=torch.Generator().manual_seed(0))
    near = model.sample_near(model.encode(data("CH3CH2OH")), 0.2, 30, settle=settle)
    assert not any(int(one.z.sum()) % 2 for one in (*samples, *near))


@pytest.mark.filterwarnings("ignore::tg_molfield.fields.CoarseCoordinatesWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_models_of_sixteen_bits_sample(dtype):
    options = {**SMALL["flow"], "elements": ("H", "C", "N", "O"), "bonds": True}
    model = awake(build("flow", channels=MolField("H C N O"), decoder_options=options)).to(dtype)
    samples = model.sample(20, settle=0, generator=torch.Generator().manual_seed(0))
    assert not any(int(one.z.sum()) % 2 for one in samples)


def test_without_hydrogen_nothing_is_known_of_electrons():
    assert build("flow", decoder_options={**SMALL["flow"], "elements": ("C", "N")}).decoder.closed_shell is None


@pytest.mark.parametrize("name", ["closed_shell", "bonds"])
def test_flags_are_flags(name):
    with pytest.raises(TypeError, match=f"{name}: expected True or False, got 'no'"):
        build("flow", decoder_options={**SMALL["flow"], name: "no"})


@pytest.mark.parametrize("known", [False, True])
def test_every_step_takes_hydrogens_from_bonds(known):
    """A network sure of ethene's bond and carbons, and a little in favour of one hydrogen each."""
    kinds, counts = torch.full((1, 2, 9), -8.0), torch.zeros(1, 2, 5)
    kinds[..., 2], counts[..., 1], counts[..., 2] = 8.0, 2.0, 1.0
    orders = torch.zeros(1, 2, 2, 4)
    orders[..., 2] = 12.0
    given = []

    def network(state, mask, time, code, noise, previous, guidance):
        given.append(previous)
        return Prediction(state[..., :3], kinds, counts, state[..., -12:], orders)

    oracle = type("Oracle", (), {"layout": LAYOUT, "__call__": staticmethod(network)})()
    shell = ClosedShell(ELEMENTS.numbers.tolist())
    start = torch.randn(1, 2, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    mask, closed = torch.ones(1, 2, dtype=torch.bool), torch.tensor([known])
    found = integrate(oracle, torch.zeros(1, 4), torch.ones(1), mask, start, 3, torch.ones(1), None, shell, closed)
    assert found.counts.tolist() == [[2, 2] if known else [1, 1]]
    assert all(LAYOUT.split(each)[2].argmax(2).tolist() == [[2, 2] if known else [1, 1]] for each in given[1:])


@torch.no_grad()
def test_predicted_bonds_are_the_same_both_ways():
    network = awake(build("flow", decoder_options={**SMALL["flow"], "bonds": True})).decoder.network
    state = torch.randn(2, 12, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    code = torch.randn(2, network.whole.in_features, generator=torch.Generator().manual_seed(1))
    mask, half = torch.ones(2, 12, dtype=torch.bool), torch.full((2,), 0.5)
    orders = network(state, mask, half, code, half, state).orders
    assert orders.shape == (2, 12, 12, 4)
    assert orders.std() > 0
    torch.testing.assert_close(orders, orders.transpose(1, 2))
