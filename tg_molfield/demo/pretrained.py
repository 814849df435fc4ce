"""The pretrained model of the package, made to decode into the demonstration's own field."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder

NAME = "organic-small"


def pretrained_model(mol_field: MolField) -> FieldAutoEncoder:
    """The pretrained autoencoder, in evaluation mode, whose fields follow the definition ``mol_field``."""
    with torch.random.fork_rng():
        model = FieldAutoEncoder.from_pretrained(NAME)
    model.set_mol_field(mol_field)
    return model


def knows(model: FieldAutoEncoder, data: Data) -> bool:
    """Whether ``model`` was trained on every element in ``data.z [N]``."""
    assert model.domain is not None
    return set(data.z.tolist()) <= set(model.domain.elements)
