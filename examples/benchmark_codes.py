"""The codes of molecules as features, for the benchmarks of properties and probes."""

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, MolField

TOGETHER = 64


class Summary(nn.Module):
    """The part of a code that carries chemistry, or all of it where no part does, as ``(z, pos, batch) → [B, S]``."""

    def __init__(self, model: FieldAutoEncoder) -> None:
        super().__init__()
        self.model = model
        self.out_channels = model.summary_channels or model.latent_dim

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        latent = self.model.encode(z, pos, batch)
        return latent.summary if self.model.summary_channels else latent.code


@torch.no_grad()
def read_codes(model: FieldAutoEncoder, refine: int, molecules: list[Data]) -> dict[str, np.ndarray]:
    """The codes ``[M, D]`` by label: plain and refined, of each the whole and the part that carries chemistry."""
    mol_field = MolField.preset("mnf", channels=model.channels, normalize_grid_size=None)
    found: dict[str, np.ndarray] = {}
    for steps in sorted({0, refine}):
        parts, summaries = [], []
        for start in range(0, len(molecules), TOGETHER):
            batch = Batch.from_data_list(molecules[start : start + TOGETHER])
            target = mol_field(batch) if steps else None
            latent = model.encode(batch, refine=steps, target=target)
            parts.append(latent.code)
            summaries.append(latent.summary)
        label = f"code refined by {steps} steps" if steps else "code"
        found[label] = torch.cat(parts).numpy()
        if steps and np.array_equal(found[label], found["code"]):
            print(f"{steps} steps of refinement leave every code as it is")
            found.pop(label)
            break
        if model.summary_channels:
            found[f"{label}, last {model.summary_channels}"] = torch.cat(summaries).numpy()
    return found
