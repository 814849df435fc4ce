"""Pictures of what a model reconstructs while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.evaluation import evaluating

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SPACING = 0.3
"""Å between the nodes of a picture."""


@torch.no_grad()
def reconstruction_figure(model: FieldAutoEncoder, mol_field: MolField, data: Data, title: str = "") -> Figure:
    """Slices through the exact field of a molecule, what the model makes of it, and their difference.

    Args:
        model: the model, which is left in the mode that it is in.
        mol_field: the definition of the exact field.
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
        title: of the figure.
    """
    from tg_molfield.viz import plot_slices

    data = data.clone().to(next(model.parameters()).device)
    with evaluating(model):
        fields = {"exact": mol_field(data), "reconstructed": model.field(data)}
        grid = Grid.around(data.pos, spacing=_SPACING)
        volumes = {name: field.on(grid) for name, field in fields.items()}
    return plot_slices(volumes, difference=True, title=title)


def save_reconstructions(
    model: FieldAutoEncoder, mol_field: MolField, molecules: Sequence[Data], folder: Path, step: int
) -> list[Path]:
    """Write the pictures of several molecules, ``step-00001200-molecule-0.png`` and so on; gives the files."""
    from tg_molfield.viz import save_figure

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, data in enumerate(molecules):
        path = folder / picture_name(step, index)
        save_figure(reconstruction_figure(model, mol_field, data, f"step {step}"), path, dpi=100)
        paths.append(path)
    return paths


def picture_name(step: int, index: int) -> str:
    """The name of the file of a picture."""
    return f"step-{step:08d}-molecule-{index}.png"
