"""A small untrained model with the decoder flow."""

import torch

from tg_molfield import FieldAutoEncoder


def save_flow(path, exact_dim=200):
    """Save one whose ends of paths are exact, or are not without ``exact_dim``."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FieldAutoEncoder(
            "C O all", 16 + exact_dim, "flow",
            pooling_options={"width": 16, "num_layers": 1, "heads": 2},
            decoder_options={
                "elements": ("H", "C", "N", "O"), "max_heavy_atoms": 4, "exact_dim": exact_dim, "width": 16,
                "num_layers": 1, "heads": 2, "num_tokens": 4, "num_steps": 3,
            },
        )  # fmt: skip
    model.save(path)
    return path
