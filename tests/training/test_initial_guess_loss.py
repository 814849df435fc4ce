import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, InitialGuessLoss, fit

pytestmark = pytest.mark.usefixtures("seeded")


def molecules() -> list[Data]:
    generator = torch.Generator().manual_seed(0)
    z = torch.tensor([1, 6, 8, 1, 6])
    return [Data(z=z[:n], pos=1.5 * torch.randn(n, 3, generator=generator)) for n in (1, 3, 4, 5)]


def build(decoder: str = "structure_factors") -> FieldAutoEncoder:
    torch.manual_seed(0)
    options = {"width": 16, "num_rounds": 2} if decoder == "structure_factors" else {"num_slots": 5, "width": 8}
    return FieldAutoEncoder("H C O", 128, decoder, decoder_options=options)


def test_training_the_guess_is_reproducible_and_lowers_the_loss():
    runs = []
    for _ in range(2):
        source = AugmentedMolecules(molecules(), 32, relabel=0, grow=0, elements=(1, 6, 8))
        runs.append(fit(build(), source, InitialGuessLoss(), max_steps=60, lr=3e-3).losses)
    assert runs[0] == runs[1]
    assert sum(runs[0][-10:]) < 0.85 * sum(runs[0][:10])


def test_the_loss_does_not_depend_on_order_or_place():
    model = build().eval()
    data = molecules()[3]
    order = torch.tensor([4, 2, 0, 1, 3])
    loss = InitialGuessLoss()
    one = loss(model, Batch.from_data_list([data]))
    two = loss(model, Data(z=data.z[order], pos=data.pos[order] + 7.0))
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_every_parameter_of_the_guess_is_trained():
    model = build()
    InitialGuessLoss()(model, Batch.from_data_list(molecules())).backward()
    missing = [name for name, parameter in model.decoder.initial_guess.named_parameters() if parameter.grad is None]
    assert missing == []


def test_other_decoders_are_refused():
    with pytest.raises(TypeError, match="expected a StructureFactorDecoder, got RBFDecoder"):
        InitialGuessLoss()(build("rbf"), Batch.from_data_list(molecules()))


def test_elements_are_drawn_from_those_given():
    source = AugmentedMolecules(molecules(), 50, relabel=1, elements=(5, 7))
    drawn = set(source.sample().z.tolist())
    assert drawn <= {1, 5, 6, 7, 8}
    assert drawn & {5, 7}
