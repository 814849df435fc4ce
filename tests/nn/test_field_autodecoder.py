import pytest
import torch

from tg_molfield.fields import Grid, RBFField
from tg_molfield.nn import FieldAutoDecoder

GRID = Grid.cube((1.0, 0.0, 0.0), 6.0, 12)
OPTIONS = {"siren": {"width": 32, "num_layers": 3}, "rbf": {"num_slots": 6, "width": 16, "num_tokens": 2}}


def target(shift: float = 0.0) -> RBFField:
    centers = torch.tensor([[1.0 + shift, 0, 0], [1.0, 1.2, 0.3]])
    return RBFField(centers, torch.eye(2), 1.0, channels=("a", "b"))


def build(decoder="siren", num_volumes=1, seed=0):
    return FieldAutoDecoder("a b", num_volumes, 16, decoder, decoder_options=OPTIONS[decoder], seed=seed)


@pytest.mark.parametrize(("decoder", "lr"), [("siren", 5e-3), ("rbf", 2e-3)])
def test_it_fits_a_small_field(decoder, lr):
    seen = []
    model = build(decoder)
    report = model.fit(target(), GRID, steps=120, lr=lr, points=500, progress=lambda step, loss: seen.append(loss))
    assert report.losses == seen
    zero = float(-10 * target().on(GRID).values.square().mean().log10())
    assert report.psnr[0] > zero + 8
    assert report.seconds > 0
    fitted = model.field()
    assert fitted.on(GRID).values.shape == (2, 12, 12, 12)
    assert fitted(torch.full((1, 3), 60.0)).abs().max() < 1e-6


def test_it_is_reproducible_from_its_seeds():
    runs = [build(seed=s).fit(target(), GRID, steps=3, seed=t).losses for s, t in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert runs[0] != runs[3]
    state = torch.get_rng_state()
    build().fit(target(), GRID, steps=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_several_volumes_and_their_own_nodes(tmp_path):
    model = build(num_volumes=2)
    fields = [target().on(GRID), (target(0.5) * 2.0).on(Grid.cube((0.0, 0.0, 0.0), 5.0, 9))]
    report = model.fit(fields, steps=60, lr=5e-3)
    assert len(report.psnr) == 2
    model.save(tmp_path / "two.safetensors")
    loaded = FieldAutoDecoder.load(tmp_path / "two.safetensors")
    query = torch.randn(5, 3)
    for i in range(2):
        assert torch.equal(loaded.field(i)(query), model.field(i)(query))


def test_what_does_not_fit_is_named(tmp_path):
    model = build()
    with pytest.raises(ValueError, match="grid is None"):
        model.fit(target())
    with pytest.raises(ValueError, match="give one for each of 1 volumes"):
        model.fit([target(), target()], GRID)
    with pytest.raises(ValueError, match="channels"):
        model.fit(target()["b"], GRID)
    with pytest.raises(IndexError, match="index is 1"):
        model.field(1)
    with pytest.raises(ValueError, match="num_volumes is 0"):
        build(num_volumes=0)
    model.save(tmp_path / "one.safetensors")
    from tg_molfield.nn import FieldAutoEncoder

    with pytest.raises(ValueError, match=r"FieldAutoDecoder\.load"):
        FieldAutoEncoder.load(tmp_path / "one.safetensors")


@pytest.mark.parametrize("decoder", OPTIONS)
def test_a_second_fit_goes_on_from_the_first(decoder):
    model = build(decoder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    first = model.fit(target(), GRID, steps=30, lr=2e-3, points=500)
    again = model.fit(target(), GRID, steps=0)
    assert again.psnr == first.psnr


def test_bad_budgets():
    with pytest.raises(ValueError, match="points=0"):
        build().fit(target(), GRID, points=0)
