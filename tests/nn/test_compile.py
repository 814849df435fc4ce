"""`compile`: the same results from whole graphs that batches of any size share."""

import copy
import io
import pickle

import pytest
import torch
from small_models import build, random_batch
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoDecoder, Grid, MolField
from tg_molfield.training import FlowLoss

# torch.compile itself looks at gradients of tensors that are no leaves.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
MODELS = {
    "rbf": {"decoder": "rbf", "channels": FIELD},
    "siren": {"decoder": "siren", "channels": FIELD},
    "atoms": {"decoder": "atoms", "channels": FIELD},
    "tensors": {
        "decoder": "atoms",
        "channels": FIELD,
        "encoder_options": {"out_channels": 8, "num_layers": 2, "tensor_channels": 4},
        "summary_channels": 3,
    },
}


class Graphs:
    """A backend of `torch.compile` that runs graphs as they are and counts them."""

    def __init__(self):
        self.number = 0

    def __call__(self, graph, inputs):
        self.number += 1
        return graph.forward


def step(model, batch):
    torch.manual_seed(0)
    model.zero_grad()
    latent = model.encode(batch)
    loss = model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch)
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.fixture(autouse=True)
def _compiled_anew():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_a_compiled_model(name, precision):
    plain, compiled, graphs = build(**MODELS[name]).train(), build(**MODELS[name]).train(), Graphs()
    compiled.compile(backend=graphs, fullgraph=True)
    first = 0
    for seed, count in enumerate((5, 7, 12)):
        batch = random_batch(FIELD, count, seed)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            for one, two in zip(step(plain, batch), step(compiled, batch), strict=True):
                torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)
        first = first or graphs.number
    assert graphs.number == first == 4


def test_a_step_of_a_compiled_flow():
    batch = Batch.from_data_list([Data(z=torch.tensor([6, 8, 1, 1]), pos=torch.randn(4, 3)) for _ in range(3)])
    losses, graphs = [], Graphs()
    for compiled in (False, True):
        model = build("flow", channels=FIELD).train()
        if compiled:
            model.compile(backend=graphs, fullgraph=True)
        torch.manual_seed(1)
        losses.append(FlowLoss()(model, batch))
        losses[-1].backward()
    torch.testing.assert_close(*losses)
    assert graphs.number == 2


def test_an_autodecoder_is_compiled():
    graphs = Graphs()
    volume = FIELD(Data(z=torch.tensor([6, 8]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0]]))).on(
        Grid.cube((0.6, 0, 0), 6.0, 6)
    )
    model = FieldAutoDecoder(FIELD, 1, 8, decoder="siren", decoder_options={"width": 16, "num_layers": 3})
    model.compile(backend=graphs, fullgraph=True)
    model.fit([volume], max_steps=2)
    assert graphs.number >= 1


def test_copies_and_files_are_not_compiled(tmp_path):
    model, graphs = build("rbf", channels=FIELD).eval(), Graphs()
    names = list(model.state_dict())
    model.compile(backend=graphs)
    assert list(model.state_dict()) == names
    batch = random_batch(FIELD, 3)
    expected = model.field(batch)(batch.query_pos, batch.query_batch)
    used = graphs.number
    assert used
    model.save(tmp_path / "model.safetensors")
    whole = io.BytesIO()
    torch.save(model, whole)
    whole.seek(0)
    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(whole, weights_only=False),
        type(model).load(tmp_path / "model.safetensors"),
    ):
        torch.testing.assert_close(other.field(batch)(batch.query_pos, batch.query_batch), expected)
    assert graphs.number == used
