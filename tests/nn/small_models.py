"""Models that are small enough to test."""

import torch
from torch import nn
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.nn import FieldAutoEncoder

SMALL = {
    "rbf": {"num_slots": 6, "width": 16, "num_tokens": 2},
    "siren": {"width": 16, "num_layers": 3},
    "atoms": {"width": 16, "cutoff": 4.0},
    "structure_factors": {
        "elements": ("H", "B", "C", "N", "O", "F", "Ne", "S", "Cl"),
        "width": 8,
        "num_rounds": 2,
    },
    "flow": {
        "elements": ("H", "B", "C", "N", "O", "F", "Ne", "S", "Cl"),
        "max_heavy_atoms": 12,
        "width": 16,
        "num_layers": 1,
        "heads": 2,
        "num_tokens": 4,
        "num_steps": 3,
    },
}
LEARNED = ("rbf", "siren", "atoms")


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
        "encoder_options": {"out_channels": 8, "num_layers": 1},
        "pooling_options": {"width": 16, "num_tokens": 3, "num_blocks": 1},
        "decoder_options": SMALL[decoder],
    }
    options = {name: value() if isinstance(value, type) else value for name, value in options.items()}
    if options.get("encoder") is not None:
        options = {"encoder_options": {}, **options}
    if decoder == "structure_factors":
        defaults |= {"latent_dim": 256, "encoder_options": {}, "pooling_options": {}}
    if decoder == "flow":
        defaults |= {"encoder_options": {}, "pooling_options": {"width": 16, "num_layers": 1, "heads": 2}}
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
    "elements": {
        "encoder_options": {"out_channels": 8, "num_layers": 0},
        "latent_dim": 512,
        "pooling_options": {"num_blocks": 0},
    },
    "summed": {"summary_channels": 4},
    "tensors": {"encoder_options": {"out_channels": 8, "num_layers": 2, "tensor_channels": 3}},
    "own": {"encoder": Plain},
}
KINDS = [(decoder, encoder, ENCODERS[encoder]) for decoder in LEARNED for encoder in ENCODERS] + [
    ("structure_factors", "elements", {}),
    (
        "structure_factors",
        "descriptor",
        {
            "summary_channels": 15,
            "encoder_options": {"out_channels": 8, "num_layers": 1},
            "pooling_options": {"global_channels": 4},
        },
    ),
    ("flow", "elements", {}),
    ("flow", "summed", {"summary_channels": 4, "encoder_options": {"out_channels": 8, "num_layers": 1}}),
    (
        "flow",
        "tensors",
        {"encoder_options": {"out_channels": 8, "num_layers": 2, "tensor_channels": 3}},
    ),
    ("flow", "own", {"encoder": Plain}),
    ("flow", "bonds", {"decoder_options": {**SMALL["flow"], "bonds": True}}),
    (
        "flow",
        "exact",
        {"latent_dim": 256, "decoder_options": {**SMALL["flow"], "exact_dim": 240}},
    ),
]
"""Decoders and encoders by name, and the options that make them."""


def random_batch(field: MolField, count: int, seed: int = 0) -> Batch:
    """Molecules of 3 to 8 atoms, C, O and H, each with 16 query points."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for size in torch.randint(3, 9, (count,), generator=generator).tolist():
        z = torch.tensor([6, 8, 1])[torch.arange(size) % 3]
        found.append(Data(z=z, pos=1.5 * torch.randn(size, 3, generator=generator)))
    return MolFieldTransform(field, num_queries=16, seed=0)(Batch.from_data_list(found))
