import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, FieldLoss, MatchingLoss, fit

pytestmark = pytest.mark.usefixtures("seeded")

ENCODER = {"out_channels": 8, "num_layers": 1}

CHANNELS = "H C O"


def molecules() -> list[Data]:
    water = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
    monoxide = Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0, 0], [0, 0, 1.13]]))
    return [water, monoxide, Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))]


def with_queries() -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    definition = MolField(CHANNELS)
    for data in (found := molecules()):
        data.query_pos = torch.randn(10 + data.num_nodes, 3, generator=generator)
        data.query_batch = torch.zeros(len(data.query_pos), dtype=torch.int64)
        data.field = definition(data)(data.query_pos)
    return found


def build(decoder: str = "rbf") -> FieldAutoEncoder:
    torch.manual_seed(0)
    options = {"num_slots": 5, "width": 16, "num_tokens": 2} if decoder == "rbf" else {"width": 16, "num_layers": 2}
    pooling = {"width": 16, "num_tokens": 2, "num_blocks": 1}
    return FieldAutoEncoder(
        MolField(CHANNELS), 64, decoder, encoder_options=ENCODER, pooling_options=pooling, decoder_options=options
    )


@pytest.mark.parametrize("decoder", ["rbf", "siren"])
def test_training_on_points_is_reproducible_and_lowers_the_loss(decoder):
    runs = []
    for seed in (0, 0, 1):
        model = build(decoder)
        loader = DataLoader(with_queries(), batch_size=2, shuffle=True)
        runs.append(fit(model, loader, max_steps=30 if seed == 0 else 2, lr=3e-3, seed=seed).losses)
    assert runs[0] == runs[1]
    assert runs[0][:2] != runs[2]
    assert sum(runs[0][-5:]) < sum(runs[0][:5])
    assert not model.training


def test_training_on_centres_is_reproducible_and_lowers_the_loss():
    runs = []
    for _ in range(2):
        model = build()
        source = AugmentedMolecules(molecules(), 8)
        runs.append(fit(model, source, MatchingLoss(MolField(CHANNELS)), max_steps=30, lr=3e-3).losses)
    assert runs[0] == runs[1]
    assert sum(runs[0][-5:]) < 0.9 * sum(runs[0][:5])


def test_the_budget_of_seconds_ends_the_run_and_progress_is_told():
    spent = []
    model = build()
    state = torch.get_rng_state()
    report = fit(
        model, AugmentedMolecules(molecules(), 2), MatchingLoss(MolField(CHANNELS)), max_seconds=0.5,
        progress=lambda report, share: spent.append(share),
    )  # fmt: skip
    assert report.steps == len(spent)
    assert 0.5 <= report.seconds < 5
    assert spent[-1] == 1
    assert torch.equal(torch.get_rng_state(), state)


def test_what_cannot_be_trained_is_named():
    loader = DataLoader(with_queries(), batch_size=3)
    with pytest.raises(ValueError, match="max_epochs, max_steps, max_seconds: expected at least one budget"):
        fit(build(), loader)
    with pytest.raises(ValueError, match="max_steps: expected 0 or more, got -1"):
        fit(build(), loader, max_steps=-1)
    with pytest.raises(ValueError, match="max_seconds: expected 0 or more, got nan"):
        fit(build(), loader, max_seconds=float("nan"))
    with pytest.raises(ValueError, match="MolFieldTransform"):
        fit(build(), DataLoader(molecules(), batch_size=3), max_steps=1)
    assert fit(build(), loader, max_seconds=0).steps == 0
    with pytest.raises(ValueError, match="data: expected at least one molecule, got none"):
        fit(build(), [], max_steps=1)
    with pytest.raises(ValueError, match="data: expected at least one batch"):
        fit(build(), iter([]), max_steps=1)
    with pytest.raises(FloatingPointError, match="at step 0"):
        fit(build(), loader, lambda model, batch: FieldLoss()(model, batch) * float("nan"), max_steps=1)
    with pytest.raises(TypeError, match="expected an RBFDecoder, got SirenDecoder"):
        fit(build("siren"), loader, MatchingLoss(MolField(CHANNELS)), max_steps=1)


def test_more_atoms_than_slots_can_be_trained():
    data = Data(z=torch.full((9,), 6), pos=torch.randn(9, 3))
    value = MatchingLoss(MolField(CHANNELS))(build(), Batch.from_data_list([data]))
    assert bool(value.isfinite())


@pytest.mark.parametrize("options", [{"kernel": "slater"}, {"aggregate": "distance"}])
def test_only_gaussians_are_matched(options):
    loss = MatchingLoss(MolField(CHANNELS, **options), field=0.0)
    model = FieldAutoEncoder(loss.mol_field, 32, "rbf", decoder_options={"num_slots": 4, "width": 8, "num_tokens": 2})
    with pytest.raises(TypeError, match=r"mol_field: expected sums of Gaussians for a batch, got .*; use FieldLoss"):
        loss(model, Batch.from_data_list(molecules()))


def test_other_modules_are_trained_with_a_loss_of_their_own():
    line = torch.nn.Linear(1, 1)
    x = torch.linspace(-1, 1, 8).unsqueeze(1)
    batch = Data(x=x, y=3 * x - 1)
    report = fit(line, [batch], lambda model, data: (model(data.x) - data.y).square().mean(), max_steps=300, lr=0.1)
    assert report.losses[-1] < 1e-3 * report.losses[0]
    assert not line.training
    with pytest.raises(TypeError, match="loss: expected a function for a Linear"):
        fit(line, [batch], max_steps=1)
