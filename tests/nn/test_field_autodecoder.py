import math

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField, RBFField, Volume
from tg_molfield.nn import AtomDecoder, FieldAutoDecoder
from tg_molfield.nn.autodecoder import checkpoint as checkpoints
from tg_molfield.nn.autodecoder import descent
from tg_molfield.nn.autodecoder.descent import WINDOW, Budget, Plateau

GRID = Grid.cube((1.0, 0.0, 0.0), 9.0, 10)
OPTIONS = {
    "siren": {"width": 32, "num_layers": 3},
    "rbf": {"num_slots": 6, "width": 16, "num_tokens": 2},
}


def target(shift: float = 0.0) -> RBFField:
    centers = torch.tensor([[1.0 + shift, 0, 0], [1.0, 1.2, 0.3]])
    return RBFField(centers, torch.eye(2), 1.0, channels=("a", "b"))


def build(decoder="siren", num_volumes=1, seed=0):
    return FieldAutoDecoder("a b", num_volumes, 16, decoder, decoder_options=OPTIONS[decoder], seed=seed)


def fit(model, fields=None, grid=GRID, **options):
    """A short fit of any decoder."""
    options = {"max_steps": 30, "points": 200, "lr": 2e-3, **options}
    return model.fit(target() if fields is None else fields, grid, **options)


@pytest.mark.parametrize("decoder", OPTIONS)
def test_every_decoder_has_one_interface(decoder, tmp_path):
    model, seen = build(decoder), []
    report = fit(model, progress=lambda text, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert report.samples == 2 * 10**3
    assert report.parameters > 0
    assert report.compression == report.samples / report.parameters
    assert report.seconds > 0
    assert report.steps == 30
    assert not report.converged
    assert report.stopped_by == "budget"
    assert model.evaluate(target(), GRID)[0] == pytest.approx(report.psnr[0], abs=1e-3)
    model.save(tmp_path / "model.safetensors")
    loaded = FieldAutoDecoder.load(tmp_path / "model.safetensors")
    query = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.field()(query), model.field()(query))
    assert torch.equal(loaded.field().on(GRID).values, model.field().on(GRID).values)
    assert loaded.hyper_parameters["decoder"] == decoder
    assert model.field()(torch.full((1, 3), 60.0)).abs().max() < 1e-6


def test_a_model_keeps_its_definition(tmp_path):
    definition = MolField("C O", widths=0.5)
    model = FieldAutoDecoder(definition, 1, 16, decoder_options=OPTIONS["siren"])
    assert model.channels == definition.channels
    assert model.field().mol_field == definition
    model.save(tmp_path / "model.safetensors")
    loaded = FieldAutoDecoder.load(tmp_path / "model.safetensors")
    assert loaded.mol_field == definition
    assert build().mol_field is None


def test_fields_of_another_definition_are_refused():
    data = Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0.0, 0.0], [1.2, 0.0, 0.0]]))
    definition = MolField("C O", widths=0.5)
    model = FieldAutoDecoder(definition, 1, 16, decoder_options=OPTIONS["siren"])
    for other in (MolField("C O", widths=0.7)(data), MolField("C O", widths=0.7)(data).on(GRID)):
        with pytest.raises(ValueError, match=r"fields\[0\]: expected a field of .*0\.5.*, got .*0\.7"):
            model.fit(other, GRID, max_steps=1)
    unknown = Volume(definition(data).on(GRID).values, GRID, ("C", "O"))
    for field in (definition(data), unknown):
        assert model.fit(field, GRID, max_steps=1).steps == 1


def test_wrong_channels_and_decoders_are_refused():
    with pytest.raises(ValueError, match="channels: expected different names, at least 1"):
        FieldAutoDecoder("")
    with pytest.raises(ValueError, match="channels: expected different names, at least 1, got 'a a'"):
        FieldAutoDecoder("a a")
    with pytest.raises(ValueError, match="decoder: expected one whose codes can be any numbers, got AtomDecoder"):
        FieldAutoDecoder("a b", latent_dim=16, decoder=AtomDecoder(["a", "b"], 16))


@pytest.mark.parametrize(("decoder", "lr"), [("siren", 5e-3), ("rbf", 2e-3)])
def test_codes_fit_a_small_field(decoder, lr):
    report = build(decoder).fit(target(), GRID, max_steps=120, lr=lr, points=500)
    assert report.psnr[0].all_nodes > 22
    assert report.psnr[0].occupied > 12
    assert len(report.losses) == 120


def test_fits_are_reproducible_from_their_seeds():
    runs = [fit(build(seed=s), seed=t, max_steps=3).losses for s, t in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert runs[0] != runs[3]
    state = torch.get_rng_state()
    fit(build(), max_steps=1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("decoder", OPTIONS)
def test_several_volumes_and_their_own_nodes(decoder, tmp_path):
    model = build(decoder, num_volumes=2)
    fields = [target().on(GRID), (target(0.5) * 2.0).on(Grid.cube((0.0, 0.0, 0.0), 8.0, 9))]
    report = fit(model, fields, None)
    assert len(report.psnr) == 2
    assert report.samples == 2 * (10**3 + 9**3)
    model.save(tmp_path / "two.safetensors")
    loaded = FieldAutoDecoder.load(tmp_path / "two.safetensors")
    query = torch.randn(5, 3)
    for i in range(2):
        assert torch.equal(loaded.field(i)(query), model.field(i)(query))


@pytest.mark.parametrize("decoder", OPTIONS)
def test_a_second_fit_goes_on_from_the_first(decoder):
    model = build(decoder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    first = fit(model)
    again = fit(model, max_steps=0)
    assert again.psnr == first.psnr


@pytest.mark.parametrize("decoder", OPTIONS)
def test_codes_of_new_fields_are_fitted_with_a_frozen_decoder(decoder):
    model = build(decoder)
    fit(model)
    expected = model.field().on(GRID).values
    other = FieldAutoDecoder("a b", 1, 16, model.latents.decoder.requires_grad_(False))
    losses = fit(other, target(0.4), Grid.cube((1.0, 0.0, 0.0), 5.0, 10)).losses
    assert sum(losses[-5:]) < sum(losses[:5])
    assert torch.equal(model.field().on(GRID).values, expected)


def test_a_fit_with_a_frozen_decoder_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.0)

    def fitted(**options):
        model = build()
        model.latents.decoder.requires_grad_(False)
        return fit(model, checkpoint=tmp_path / "fit.safetensors", **options).losses

    def stop(text, share):
        if share >= 0.5:
            raise KeyboardInterrupt

    expected = fitted()
    (tmp_path / "fit.safetensors").unlink()
    with pytest.raises(KeyboardInterrupt):
        fitted(progress=stop)
    assert fitted() == expected
    assert fitted() == expected


@pytest.mark.parametrize("decoder", OPTIONS)
def test_a_killed_fit_ends_as_if_it_had_not_been(decoder, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.0)
    path = tmp_path / "fit.safetensors"

    def kill(text, share):
        if share > 0.4:
            raise KeyboardInterrupt

    whole, killed, resumed = build(decoder), build(decoder), build(decoder)
    report = fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(killed, progress=kill, checkpoint=path)
    assert list(tmp_path.iterdir()) == [path]
    assert fit(resumed, checkpoint=path).losses == report.losses
    assert torch.equal(resumed.field().on(GRID).values, whole.field().on(GRID).values)
    done = fit(build(decoder), checkpoint=path)
    assert done.psnr == report.psnr
    with pytest.raises(ValueError, match="of the same samples and settings, got"):
        fit(build(decoder), seed=5, checkpoint=path)
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match="a damaged or other one"):
        fit(build(decoder), checkpoint=path)


def test_a_fit_ends_when_its_loss_stalls():
    plateau = Plateau(1e-2, [])
    factors = []
    while not plateau.converged:
        plateau.add(1.0)
        factors.append(plateau.factor)
    assert len(factors) == 9 * WINDOW
    assert sorted(set(factors)) == pytest.approx([1 / 27, 1 / 9, 1 / 3, 1])
    falling = Plateau(1e-2, [0.999**step for step in range(20 * WINDOW)])
    assert falling.factor == 1
    assert not falling.converged
    assert Plateau(0.0, [1.0] * 20 * WINDOW).factor == 1


def test_a_converged_fit_says_so(monkeypatch):
    monkeypatch.setattr(descent, "WINDOW", 10)
    report = fit(build(), max_steps=500, points=8, tolerance=0.99)
    assert report.converged
    assert report.stopped_by == "convergence"
    assert report.steps == 90


def test_budgets():
    assert Budget().max_steps == 2000
    assert Budget(max_seconds=5).max_steps is None
    assert Budget(max_steps=10, max_seconds=100).spent(1, 50.0) == 0.5
    assert Budget(max_steps=0).spent(0, 0.0) == 1
    assert fit(build(), max_steps=None, max_seconds=0.2).steps > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": -1}, "max_steps: .* got -1"),
        ({"max_seconds": math.nan}, "max_seconds: .* got nan"),
        ({"points": 0}, "points: .* got 0"),
        ({"lr": 0.0}, r"lr: .* got 0\.0"),
    ],
)
def test_bad_budgets(options, message):
    with pytest.raises(ValueError, match=message):
        fit(build(), **options)


def test_nodes_that_are_not_known():
    values = target().on(GRID).values.clone()
    values[0, :5] = math.nan
    model = build()
    report = fit(model, Volume(values, GRID, ("a", "b")), None)
    assert report.samples == int(values.isfinite().sum())
    assert report.psnr[0].all_nodes > 0
    with pytest.raises(ValueError, match="got 500 that are NaN or infinite in channel a"):
        model.evaluate(Volume(values, GRID, ("a", "b")))
    with pytest.raises(ValueError, match="500 that are infinite"):
        fit(build(), Volume(values.nan_to_num(nan=math.inf), GRID, ("a", "b")), None)


@pytest.mark.parametrize("decoder", OPTIONS)
@pytest.mark.parametrize(
    ("value", "message"),
    [(0.0, "got zeros"), (2.5, "one value at all nodes"), (math.nan, "got none that is not NaN")],
)
def test_hopeless_volumes_are_refused(decoder, value, message):
    with pytest.raises(ValueError, match=message):
        fit(build(decoder), Volume(torch.full((2, 10, 10, 10), value), GRID, ("a", "b")), None)


@pytest.mark.parametrize("decoder", OPTIONS)
def test_too_large_volumes_are_refused_before_any_work(decoder):
    with pytest.raises(MemoryError, match="GiB"):
        fit(build(decoder), grid=Grid.cube((0, 0, 0), 10.0, 20_000))
    with pytest.raises(MemoryError, match="1000 nodes"):
        fit(build(decoder), max_bytes=1000)


@pytest.mark.parametrize("decoder", OPTIONS)
def test_unknown_options_are_named(decoder):
    with pytest.raises(TypeError, match="depth, sigmoid"):
        FieldAutoDecoder("a b", decoder=decoder, decoder_options={"depth": 3, "sigmoid": True})


def test_what_does_not_fit_is_named(tmp_path):
    model = build()
    with pytest.raises(ValueError, match="grid: expected a Grid"):
        model.fit(target())
    with pytest.raises(ValueError, match="fields: expected 1, one for each volume"):
        model.fit([target(), target()], GRID)
    with pytest.raises(ValueError, match="channels"):
        model.fit(target()["b"], GRID)
    with pytest.raises(IndexError, match="index: expected one of 1 volumes, got 1"):
        model.field(1)
    with pytest.raises(ValueError, match="num_volumes: expected at least 1, got 0"):
        build(num_volumes=0)
    with pytest.raises(ValueError, match="decoder: expected one of rbf, siren or a Decoder, got 'magic'"):
        FieldAutoDecoder("a", decoder="magic")
    for refused in (lambda: build(seed=2**64), lambda: fit(model, seed=2**64)):
        with pytest.raises(ValueError, match="seed: expected an integer of 64 bits"):
            refused()
    model.save(tmp_path / "one.safetensors")
    from tg_molfield.nn import FieldAutoEncoder

    with pytest.raises(ValueError, match=r"FieldAutoDecoder\.load"):
        FieldAutoEncoder.load(tmp_path / "one.safetensors")
