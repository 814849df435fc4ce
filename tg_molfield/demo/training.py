"""Training of the demonstration's model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.parallel import one_thread
from tg_molfield.training import AugmentedMolecules, MatchingLoss, TrainingReport, fit

_MAX_ATOMS = 16


def train_model(
    molecules: Sequence[Data], mol_field: MolField, seconds: float, seed: int
) -> tuple[FieldAutoEncoder, TrainingReport]:
    """A `FieldAutoEncoder` trained for ``seconds`` on ``molecules`` of at most 16 atoms.

    The model has no message-passing layers. It is small, so that many steps fit into the time, and trains on
    one thread, because its operations are too small to benefit from more.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FieldAutoEncoder(
            mol_field,
            encoder_options={"num_layers": 0, "out_channels": 32},
            pooling_options={"num_blocks": 0},
            decoder_options={"num_slots": _MAX_ATOMS, "num_blocks": 1, "num_steps": 8},
        )
    with one_thread():
        report = fit(
            model,
            AugmentedMolecules(molecules, batch_size=32, max_atoms=_MAX_ATOMS),
            MatchingLoss(mol_field),
            max_seconds=seconds,
            lr=2e-3,
            seed=seed,
        )
    return model, report
