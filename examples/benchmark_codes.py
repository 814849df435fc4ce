"""The codes of molecules as features, for the benchmarks of properties and probes."""

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, MolField

BATCH_SIZE = 64


class Summary(nn.Module):
    """The summary of a code for property models, or the whole code if it has none: ``(z, pos, batch) → [B, S]``."""

    def __init__(self, model: FieldAutoEncoder) -> None:
        super().__init__()
        self.model = model
        self.out_channels = model.summary_channels or model.latent_dim

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        latent = self.model.encode(z, pos, batch)
        return latent.summary if self.model.summary_channels else latent.code


@torch.no_grad()
def read_codes(model: FieldAutoEncoder, refine: int, molecules: list[Data]) -> dict[str, np.ndarray]:
    """Codes ``[M, D]`` by label: plain and refined, each as a whole and its summary for property models."""
    mol_field = MolField.preset("mnf", channels=model.channels, normalize_grid_size=None)
    found: dict[str, np.ndarray] = {}
    for steps in sorted({0, refine}):
        parts, summaries = [], []
        for start in range(0, len(molecules), BATCH_SIZE):
            batch = Batch.from_data_list(molecules[start : start + BATCH_SIZE])
            target = mol_field(batch) if steps else None
            latent = model.encode(batch, refine=steps, target=target)
            parts.append(latent.code)
            summaries.append(latent.summary)
        label = f"code refined by {steps} steps" if steps else "code"
        found[label] = torch.cat(parts).numpy()
        if steps and np.array_equal(found[label], found["code"]):
            print(f"{steps} refinement steps change no code")
            found.pop(label)
            break
        if model.summary_channels:
            found[f"{label}, last {model.summary_channels}"] = torch.cat(summaries).numpy()
    return found
