"""The pretrained model of the package, made to decode into the demonstration's own field."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder, StructureFactorDecoder

NAME = "organic-small"


def pretrained_model(mol_field: MolField) -> FieldAutoEncoder:
    """The pretrained autoencoder, in evaluation mode, whose fields follow the definition ``mol_field``."""
    with torch.random.fork_rng():
        model = FieldAutoEncoder.from_pretrained(NAME)
    model.follow(mol_field)
    return model


def knows(model: FieldAutoEncoder, data: Data) -> bool:
    """Whether ``model``, with a `StructureFactorDecoder`, encodes every element in ``data.z [N]``."""
    assert isinstance(model.decoder, StructureFactorDecoder)
    return set(data.z.tolist()) <= set(model.decoder.sketch.numbers)
