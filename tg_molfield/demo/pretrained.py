"""The pretrained model of the package, set to decode into the field of the demonstration."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder

NAME = "organic-small"


def pretrained_model(mol_field: MolField) -> FieldAutoEncoder:
    """The pretrained autoencoder in evaluation mode; it decodes into fields with the definition ``mol_field``."""
    with torch.random.fork_rng():
        model = FieldAutoEncoder.from_pretrained(NAME)
    model.set_mol_field(mol_field)
    return model


def supports(model: FieldAutoEncoder, data: Data) -> bool:
    """Whether ``model`` was trained on every element in ``data.z [N]``."""
    return set(data.z.tolist()) <= set(model.domain.elements)
