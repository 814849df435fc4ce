"""Models that are small enough to test."""

import torch
from torch import nn

from tg_molfield.nn import FieldAutoEncoder

SMALL = {
    "rbf": {"num_slots": 6, "width": 16, "num_tokens": 2},
    "siren": {"width": 16, "num_layers": 3},
    "atoms": {"width": 16, "cutoff": 4.0},
}


class Plain(nn.Module):
    """An encoder as others write them: (z, pos, batch) → [N, F]."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(119, 5)

    def forward(self, z, pos, batch):
        return self.embedding(z)


def build(decoder: str = "rbf", **options) -> FieldAutoEncoder:
    torch.manual_seed(0)
    defaults = {
        "latent_dim": 32,
        "hidden": 8,
        "num_layers": 1,
        "pooling": {"width": 16, "num_tokens": 3, "num_blocks": 1},
        "decoder_options": SMALL[decoder],
    }
    options = {name: value() if isinstance(value, type) else value for name, value in options.items()}
    return FieldAutoEncoder(decoder=decoder, **{**defaults, **options}).eval()


def awake(model: FieldAutoEncoder) -> FieldAutoEncoder:
    """The model with random numbers where its parameters begin as zeros, so that no path is silent."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if not bool(parameter.any()):
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model


ENCODERS = {
    "messages": {},
    "elements": {"num_layers": 0, "latent_dim": 512, "pooling": {"num_blocks": 0}},
    "summed": {"pooling": {"width": 16, "num_tokens": 3, "num_blocks": 1, "sum_channels": 4}},
    "tensors": {"num_layers": 2, "tensor_channels": 3},
    "own": {"encoder": Plain},
}
