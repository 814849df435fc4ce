"""Molecules and a model that train in moments."""

import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


def molecules(count: int = 7) -> list[Data]:
    found = []
    for index in range(count):
        generator = torch.Generator().manual_seed(index)
        number = 1 + index % 4
        kinds = torch.tensor([6, 1, 8, 1])
        found.append(Data(z=kinds[:number], pos=1.5 * torch.randn(number, 3, generator=generator)))
    return found


def model(seed: int = 0) -> FieldAutoEncoder:
    torch.manual_seed(seed)
    return FieldAutoEncoder(
        FIELD, 32, "siren", encoder_options={"out_channels": 8, "num_layers": 1},
        pooling_options={"width": 16, "num_tokens": 2, "num_blocks": 1}, decoder_options={"width": 16, "num_layers": 2},
    )  # fmt: skip
