"""Molecules that models give: decoded, drawn at random, and on the way between two."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from hard_molecules import molecules, motion
from small_models import SMALL, awake, build
from torch_geometric.data import Batch, Data
from torch_geometric.utils import to_dense_batch

from tg_molfield.compare import align
from tg_molfield.fields import MolField
from tg_molfield.nn import DecodedMolecules, FieldAutoEncoder, OutOfDomainWarning, Pose, UnsolvedCodeWarning
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.between import great_circle, noise_between, noisy
from tg_molfield.nn.generation.decoding import blurred_atoms
from tg_molfield.nn.generation.settling import settled

FIELD = MolField("H C N O other", widths=0.5, width_scale=1.0)
EXACT = {"latent_dim": 256, "decoder_options": {**SMALL["flow"], "exact_dim": 240}}


def data(name: str, dtype: torch.dtype = torch.float32) -> Data:
    z, pos = molecules()[name]
    return Data(z=z, pos=pos.to(dtype))


def moved(one: Data, seed: int) -> Data:
    rotation, shift = motion(seed)
    return Data(z=one.z, pos=one.pos @ rotation.T.to(one.pos) + shift.to(one.pos))


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def equal(one: DecodedMolecules, two: DecodedMolecules) -> bool:
    return all(torch.equal(a.z, b.z) and torch.equal(a.pos, b.pos) for a, b in zip(one, two, strict=True))


@pytest.fixture(scope="module")
def flow() -> FieldAutoEncoder:
    return awake(build("flow", channels=FIELD))


@pytest.fixture(scope="module")
def exact() -> FieldAutoEncoder:
    return awake(build("flow", channels=FIELD, **EXACT))


@pytest.mark.parametrize("decoder", ["structure_factors", "flow"])
def test_decoded_molecules_have_the_field_of_the_code(decoder):
    model = awake(build(decoder, channels=FIELD))
    latent = model.encode(Batch.from_data_list([data("CH3CH2OH"), data("CHFClN")]))
    found, field = model.decoded(latent, corrections=0), model.decoder.field(latent)
    assert found.latent is latent
    assert torch.equal(found.field.centers, field.centers)
    assert torch.allclose(torch.cat([one.pos for one in found]), field.centers, atol=1e-5)
    again = FIELD(Batch.from_data_list(list(found)))
    assert torch.allclose(again.weights, found.field.weights, atol=1e-5)


def test_decoded_molecules_are_a_sequence_and_say_which_are_valid():
    model = build("structure_factors", channels=FIELD)
    ethanol, broken = data("CH3CH2OH"), data("CH3CH2OH")
    broken.pos = 3.0 * broken.pos
    found = model.decoded(model.encode(Batch.from_data_list([ethanol, broken])))
    assert (len(found), len(found[:1]), len(list(found))) == (2, 1, 2)
    assert found.valid == [True, False]
    mol, none = found.to_rdkit()
    assert (mol.GetNumAtoms(), none) == (9, None)
    assert repr(found) == "DecodedMolecules(2 of 9 to 9 atoms)"


def test_samples_follow_from_the_generator(flow):
    one = flow.sample(5, generator=random(3))
    assert equal(one, flow.sample(5, generator=random(3)))
    assert not equal(one, flow.sample(5, generator=random(4)))
    assert one.field.num_graphs == len(one) == 5
    for row, sample in enumerate(one):
        assert torch.allclose(one.field.centers[one.field.batch == row], sample.pos)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        assert len(flow.sample(1)) == 1


def test_a_sample_does_not_depend_on_the_others():
    flow = awake(build("flow", channels=FIELD)).double()
    many, few = flow.sample(6, generator=random()), flow.sample(2, generator=random())
    for one, two in zip(few, many[:2], strict=True):
        assert torch.equal(one.z, two.z)
        assert torch.allclose(one.pos, two.pos, rtol=0, atol=1e-9)


def test_the_number_of_heavy_atoms_is_drawn_as_the_network_has_it(flow):
    decoder = build("flow", channels=FIELD).decoder
    with torch.no_grad():
        decoder.network.number[2].weight.zero_()
        decoder.network.number[2].bias.copy_(torch.tensor([50.0, 0, 1.0, 2.0] + 9 * [-50.0]))
    seed = torch.arange(4000)
    drawn = decoder.number_of_heavy_atoms(torch.zeros(4000, 32), torch.ones(4000), seed)
    share = torch.bincount(drawn, minlength=13)[1:4] / 4000
    assert torch.allclose(share, torch.tensor([0.0, 1.0, 2.0]).softmax(0), atol=0.03)
    assert decoder.number_of_heavy_atoms(torch.zeros(1, 32), torch.ones(1)).tolist() == [3]


def test_samples_near_a_molecule_are_it_without_distance_and_any_with_all(flow):
    latent = flow.encode(Batch.from_data_list([data("CH3CH2OH"), data("CHFClN")]))
    same = flow.sample_near(latent, 0.0, 2, generator=random())
    seeds = torch.randint(2**62, (4,), generator=random())
    twice = replace(latent[torch.tensor([0, 0, 1, 1])], search_seed=seeds)
    assert equal(same, flow.decoded(twice, corrections=0))
    far = flow.sample_near(latent, 1.0, generator=random(7))
    other = flow.sample_near(latent[torch.tensor([1, 0])], 1.0, generator=random(7))
    for one, two, origin, shift in zip(far, other, latent.origin, latent.origin.flip(0), strict=True):
        assert torch.equal(one.z, two.z)
        lengths = [(part.pos - start).norm(dim=1) for part, start in ((one, origin), (two, shift))]
        assert torch.allclose(*lengths, atol=1e-4)


@pytest.mark.parametrize("name", ["C6H6", "rod", "Ne"])
def test_what_is_near_a_symmetric_molecule_need_not_have_its_symmetry(flow, name):
    latent = flow.encode(data(name))
    found = flow.sample_near(latent, 0.9, 4, settle=0, generator=random(2))
    assert torch.equal(found.field.centers, torch.cat([one.pos for one in found]))
    plain = replace(latent, pose=Pose.identity(1))
    for one, two in zip(found, flow.sample_near(plain, 0.9, 4, settle=0, generator=random(2)), strict=True):
        assert torch.allclose(torch.pdist(one.pos), torch.pdist(two.pos), atol=1e-4)


def test_settling_leaves_what_the_structure_factors_have_no_room_for():
    model = awake(build("flow", channels=FIELD, latent_dim=72, decoder_options={**SMALL["flow"], "exact_dim": 60}))
    room = model.decoder.transform.max_atoms
    plain, settled_once = (model.sample(12, settle=times, generator=random()) for times in (0, 1))
    large = [len(one.z) > room for one in plain]
    assert set(large) == {False, True}
    for one, two, too_large in zip(plain, settled_once, large, strict=True):
        assert not too_large or torch.equal(one.pos, two.pos)


def test_a_model_that_reads_properties_does_not_settle():
    model = awake(build("flow", channels=FIELD, properties="logp"))
    assert len(model.sample(2, settle=0, generator=random())) == 2
    with pytest.raises(ValueError, match=r"settle: expected 0 for a model that reads properties \(logp\)"):
        model.sample(2)


def test_a_model_without_hydrogens_makes_none():
    options = {**SMALL["flow"], "elements": ("C", "N", "O")}
    model = awake(build("flow", channels=MolField("C N O", widths=0.5, width_scale=1.0), decoder_options=options))
    found = model.sample(4, settle=0, generator=random())
    assert all(bool((one.z > 1).all()) for one in found)


def test_new_molecules_take_more_steps_than_others(flow, monkeypatch):
    decoder, seen = flow.decoder, []
    whole = decoder.united_atoms
    monkeypatch.setattr(decoder, "united_atoms", lambda *args: seen.append(args[-1]) or whole(*args))
    code, seed = torch.randn(2, decoder.learned_dim, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2])
    for noise in (0.0, 0.3, 1.0):
        blurred_atoms(decoder, code, torch.full((2,), noise), seed, False)
    assert seen == [3, 8, 8]


def test_settling_decodes_what_was_encoded_and_leaves_what_cannot_be(flow):
    decoder = flow.decoder
    items = [data("CH3CH2OH"), Data(z=torch.ones(13, dtype=torch.int64), pos=3.0 * torch.arange(39.0).view(13, 3))]
    z, batch = torch.cat([one.z for one in items]), torch.tensor([0] * 9 + [1] * 13)
    place, mask = to_dense_batch(torch.cat([one.pos for one in items]), batch)
    kinds, _ = to_dense_batch(decoder.element_kinds(z), batch)
    atoms, seed = PaddedAtoms(place, kinds, mask, mask.float()), torch.tensor([4, 5])
    with torch.no_grad():
        found = settled(decoder, flow.encode, atoms, seed, 1)
        latent = flow.encode(items[0], frames=torch.eye(3).unsqueeze(0))
        noisy_code = decoder.learned(latent), torch.full((1,), 0.1), seed[:1]
        again = decoder.find_atoms(*noisy_code, blurred=torch.tensor([True]), num_steps=2)
    size = int(again.mask.sum())
    assert torch.allclose(found.pos[0, :size], again.pos[0, :size] + latent.origin, atol=1e-4)
    assert torch.equal(found.pos[1][found.mask[1]], items[1].pos)
    assert settled(decoder, flow.encode, atoms, seed, 0) is atoms
    with pytest.raises(ValueError, match="settle: expected at least 0, got -1"):
        flow.sample(1, settle=-1)
    with pytest.raises(ValueError, match="tries: expected at least 1, got 0"):
        flow.sample(1, tries=0)
    for options in ({"tries": None}, {"settle": None}, {"num_molecules": None}):
        with pytest.raises(ValueError, match=f"{next(iter(options))}: expected an integer, got None"):
            flow.sample(**{"num_molecules": 1, **options})
    with pytest.raises(ValueError, match="num_steps: expected an integer, got None"):
        flow.path(data("CH3CH2OH"), data("isobutane"), None)


def test_noise_keeps_the_variance_of_codes():
    code = torch.nn.functional.layer_norm(torch.randn(4, 20_000, generator=random()), (20_000,))
    for noise in (0.0, 0.3, 1.0):
        found = noisy(code, torch.full((4,), noise), torch.arange(4))
        assert torch.allclose(found.var(1), torch.ones(4), atol=0.03)
        kept = (found * code).mean(1)
        assert torch.allclose(kept, torch.full((4,), (1 - noise**2) ** 0.5), atol=0.03)
    assert torch.equal(noisy(code, torch.zeros(4), torch.arange(4)), code)


def test_codes_on_a_great_circle_are_evenly_spaced():
    one, two = torch.randn(2, 64, generator=random(), dtype=torch.float64)
    one, two = one / one.norm(), two / two.norm()
    path = great_circle(one, two, torch.linspace(0, 1, 9, dtype=torch.float64))
    assert torch.allclose(path.norm(dim=1), torch.ones(9, dtype=torch.float64))
    assert torch.allclose(path[0], one)
    assert torch.allclose(path[-1], two)
    steps = (path[1:] * path[:-1]).sum(1).acos()
    assert torch.allclose(steps, steps.mean().expand(8))
    assert torch.allclose(great_circle(one, one, torch.tensor([0.5]).double())[0], one)


def test_noise_grows_to_the_middle_and_with_the_angle():
    share = torch.linspace(0, 1, 5)
    wide, narrow = (noise_between(torch.tensor([angle]), share, None) for angle in (1.5, 0.3))
    assert wide[0] == wide[-1] == 0
    assert float(wide.argmax()) == 2
    assert bool((wide[1:-1] > narrow[1:-1]).all())
    assert noise_between(torch.tensor([1.0]), share, 0.4).tolist() == pytest.approx(
        [0, 0.3464, 0.4, 0.3464, 0], abs=1e-4
    )


def test_the_ends_of_a_path_are_exact(exact):
    start, end = data("CH3CH2OH"), moved(data("isobutane"), 5)
    path = exact.path(start, end, 5)
    laid = align(end, start).moved
    for one, two in ((start, path[0]), (laid, path[-1])):
        apart = torch.cdist(one.pos, two.pos) + 1e3 * (one.z[:, None] != two.z)
        assert apart.shape[0] == apart.shape[1]
        assert float(apart.min(1).values.max()) < 1e-3
    assert path.latent.code.shape == (5, 256)
    assert not path.latent.code[:, exact.decoder.learned_dim :].any()
    assert path.field.num_graphs == 5


def test_what_lies_outside_the_domain_is_warned_of_once(exact):
    exact = deepcopy(exact)
    exact.domain.update(torch.tensor([1, 6]), torch.tensor([0, 0]))
    with pytest.warns(OutOfDomainWarning) as told:
        exact.path(data("CH3CH2OH"), data("CH4"), 2)
    assert sum("got O" in str(one.message) for one in told) == 1


def test_a_path_moves_with_its_start_and_not_with_its_end():
    """The start is chiral: of two mirror images, one lies on the other in two ways that are as good."""
    model = awake(build("flow", channels=FIELD, **EXACT)).double()
    start, end = data("CHFClN", torch.float64), data("CH3CH2OH", torch.float64)
    plain = model.path(start, end, 4)
    same = model.path(start, moved(end, 2), 4)
    rotation, shift = motion(3)
    turned = model.path(moved(start, 3), end, 4)
    for one, two, three in zip(plain, same, turned, strict=True):
        assert torch.equal(one.z, two.z)
        assert torch.allclose(one.pos, two.pos, rtol=0, atol=1e-4)
        assert torch.allclose(one.pos @ rotation.T + shift, three.pos, rtol=0, atol=1e-4)


def test_a_path_of_two_is_its_ends_and_one_of_many_is_drawn_between(exact, monkeypatch):
    start, end = data("CH3CH2OH"), data("isobutane")
    short, plain = exact.path(start, end, 2), exact.path(start, end, 5)
    for one, two in zip(short, (plain[0], plain[-1]), strict=True):
        assert torch.equal(one.z, two.z)
        assert torch.allclose(one.pos, two.pos, atol=1e-4)
    again = exact.path(start, end, 5, tries=3)
    assert equal(again, exact.path(start, end, 5, tries=3))
    monkeypatch.setattr("tg_molfield.nn.generation.retries._soundness", lambda atoms, _: 2 * (atoms.mask.sum(1) > 0))
    assert equal(exact.path(start, end, 5, tries=3), plain)
    monkeypatch.setattr("tg_molfield.nn.generation.retries._soundness", lambda atoms, _: torch.arange(3) % 2)
    other = exact.path(start, end, 5, tries=2)
    for row in (0, 2, 4):
        assert torch.equal(other[row].pos, plain[row].pos)


def test_a_path_to_itself_stays(exact):
    start = data("CH3CH2OH")
    path = exact.path(start, moved(start, 1), 3, noise=0.0)
    angle = torch.nn.functional.cosine_similarity(path.latent.code[0], path.latent.code[2], dim=0)
    assert float(angle) > 0.999


@pytest.mark.filterwarnings("ignore::tg_molfield.nn.OutOfDomainWarning")
def test_what_is_no_generator_and_what_is_out_of_range_is_refused(flow):
    start = data("CH3CH2OH")
    other = build("structure_factors", channels=FIELD)
    rbf = build("rbf", channels=FIELD)
    for refused in (
        lambda: other.sample(3),
        lambda: other.sample_near(other.encode(start), 0.5),
        lambda: other.path(start, start),
    ):
        with pytest.raises(TypeError, match="decoder: expected 'flow', whose codes are a space, got StructureFactor"):
            refused()
    with pytest.raises(TypeError, match="decoder: expected 'structure_factors' or 'flow', which find atoms, got RBF"):
        rbf.decoded(rbf.encode(start))
    with pytest.raises(ValueError, match="num_molecules: expected 1 to 1,000,000, got 0"):
        flow.sample(0)
    with pytest.raises(ValueError, match=r"distance: expected 0 to 1, got 1\.5; 0 is the molecule itself, 1 any"):
        flow.sample_near(flow.encode(start), 1.5)
    with pytest.raises(ValueError, match="noise: expected 0 to 1, got -1"):
        flow.path(start, start, noise=-1)
    latent = flow.encode(start)
    for length in (10, 33):
        with pytest.raises(ValueError, match=rf"code: expected shape \[1, 32\], .* got \[1, {length}\]"):
            flow.decoded(latent.with_code(torch.zeros(1, length)))
    with pytest.raises(ValueError, match="code: expected finite numbers, got NaN or infinity for molecule 0"):
        flow.sample_near(latent.with_code(torch.full((1, 32), torch.nan)), 0.5)
    none = latent[torch.tensor([], dtype=torch.int64)]
    for refused in (lambda: flow.decoded(none), lambda: flow.sample_near(none, 0.5)):
        with pytest.raises(ValueError, match="latent: expected at least one molecule, got none"):
            refused()
    with pytest.raises(ValueError, match="seed: expected an integer of 64 bits"):
        flow.path(start, start, seed=2**63)
    with pytest.raises(ValueError, match="num_steps: expected at least 2, got 1"):
        flow.path(start, start, 1)
    with pytest.raises(TypeError, match="end: expected a Data, got str"):
        flow.path(start, "ethanol")
    draws = (lambda **bad: flow.sample(1, **bad), lambda **bad: flow.sample_near(latent, 0, **bad),
             lambda **bad: flow.path(start, start, 2, **bad))  # fmt: skip
    for draw in draws:
        with pytest.raises(ValueError, match="settle: expected at least 0, got -1"):
            draw(settle=-1)
        with pytest.raises(ValueError, match="settle: expected an integer, got twice"):
            draw(settle="twice")
        with pytest.raises(ValueError, match="tries: expected at least 1, got 0"):
            draw(tries=0)
    both = Batch.from_data_list([start, start])
    for name, ends in (("start", (both, start)), ("end", (start, both))):
        with pytest.raises(ValueError, match=f"{name}: expected one molecule, got a batch of 2"):
            flow.path(*ends)


@pytest.mark.filterwarnings("ignore::tg_molfield.nn.UnsolvedCodeWarning")
def test_the_latents_of_a_path_are_those_of_the_model(exact):
    path = exact.path(data("CH3CH2OH"), data("isobutane"), 3)
    assert len(exact.decoded(path.latent)) == 3


def test_atoms_that_do_not_match_their_code_are_warned_of(exact):
    latent = exact.encode(data("CH3CH2OH"))
    code = latent.code.clone()
    code[:, -200:] = code[:, -200:].flip(1)
    with pytest.warns(UnsolvedCodeWarning, match="expected atoms that match its code, .* without_exact"):
        exact.decoded(latent.with_code(code))


def test_codes_that_count_parts_of_atoms_are_warned_of():
    model = build("structure_factors", channels=FIELD)
    latent = model.encode(Batch.from_data_list([data("CH4"), data("H2O")]))
    for code, got in ((latent.code.mean(0), r"occupancies such as 0\.\d+"), (0 * latent.code[0], "none")):
        with pytest.warns(UnsolvedCodeWarning, match=rf"molecule 1: expected whole atoms, got {got} \(1 of 2\)"):
            model.decoded(latent.with_code(torch.stack([latent.code[0], code])))


def test_given_frames_are_used_and_checked(flow):
    start = data("CH3CH2OH")
    frame = flow.encode(start).frame
    assert torch.allclose(flow.encode(start, frames=frame).code, flow.encode(start).code, atol=1e-5)
    rotation, _ = motion(4)
    turned = flow.encode(moved(start, 4), frames=(frame.double() @ rotation.T))
    assert torch.allclose(turned.code, flow.encode(start).code, atol=1e-4)
    for wrong in (-frame, 2 * frame, torch.full((1, 3, 3), torch.nan)):
        with pytest.raises(ValueError, match="frames: expected proper rotations with axes as rows, got another matrix"):
            flow.encode(start, frames=wrong)
    with pytest.raises(ValueError, match=r"frames: expected shape \[1, 3, 3\], got \[3, 3\]"):
        flow.encode(start, frames=torch.eye(3))


def test_progress_is_told_and_parts_are_the_whole(flow, monkeypatch):
    latent = flow.encode(Batch.from_data_list([data("CH3CH2OH"), data("CHFClN")]))
    whole = flow.sample(7, generator=random(1)), flow.sample_near(latent, 0.5, 3, generator=random(1))
    monkeypatch.setattr("tg_molfield.nn.generation.generator._AT_ONCE_ON_CPU", 3)
    told = []

    def progress(done, total):
        told.append((done, total))

    parts = (
        flow.sample(7, generator=random(1), progress=progress),
        flow.sample_near(latent, 0.5, 3, generator=random(1), progress=progress),
    )
    assert told == [(3, 7), (6, 7), (7, 7), (3, 6), (6, 6)]
    for one, two in zip(whole, parts, strict=True):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert torch.equal(a.z, b.z)
            torch.testing.assert_close(a.pos, b.pos, atol=1e-4, rtol=0)
        torch.testing.assert_close(one.field.centers, two.field.centers, atol=1e-4, rtol=0)


def test_the_card_names_what_it_shows():
    model = build("structure_factors", channels=FIELD)
    ethanol, broken = data("CH3CH2OH"), data("CH3CH2OH")
    broken.pos = 3.0 * broken.pos
    shown = model.decoded(model.encode(Batch.from_data_list([ethanol, broken])))._repr_html_()
    assert shown.count("CCO") == shown.count("no molecule") == 1
