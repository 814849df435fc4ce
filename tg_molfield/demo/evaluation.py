"""Evaluation on held-out molecules: reconstruction of their fields, compared with the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch_geometric.data import Batch, Data

from tg_molfield.demo.baselines import interpolated, mean_field
from tg_molfield.demo.molecules import randomly_rotated
from tg_molfield.demo.pretrained import NAME, supports
from tg_molfield.fields import Field, Grid, MolField, Volume
from tg_molfield.metrics import PSNR, psnr
from tg_molfield.nn import FieldAutoEncoder

LEARNED = "learned"
REFINED = "learned, code refined"
PRETRAINED = f"{NAME} (pretrained)"
METHODS = (LEARNED, REFINED, PRETRAINED, "trilinear from 16³", "cubic from 16³", "mean field", "zero field")
NUM_NODES = 32
"""Nodes along each axis of the grid on which fields are compared."""
MAX_PSNR = 150.0
"""Upper limit of every PSNR in dB, which is that of rounding errors; exact agreement would be infinite."""

Summary = Sequence[tuple[str, int, float | None, float | None, float | None]]
"""For each method: number of molecules, mean and smallest PSNR on occupied nodes, and mean PSNR on all nodes."""


@dataclass(frozen=True)
class HeldOut:
    """The evaluation of one held-out molecule.

    Attributes:
        data: the molecule.
        grid: the grid on which fields are compared.
        truth: the true field on the grid.
        fields: the field of each method that applies to the molecule.
        ratios: the PSNR of each of these methods, at most `MAX_PSNR`.
    """

    data: Data
    grid: Grid
    truth: Volume
    fields: dict[str, Field]
    ratios: dict[str, PSNR]


def evaluate(
    model: FieldAutoEncoder,
    pretrained: FieldAutoEncoder,
    mol_field: MolField,
    train: Sequence[Data],
    test: Sequence[Data],
    seed: int,
    refine: int = 50,
    nodes: int = NUM_NODES,
    progress: Callable[[], None] = lambda: None,
) -> list[HeldOut]:
    """Evaluate the model on ``test`` molecules in random orientations, on the cube of arXiv 2502.10848.

    Args:
        model: the trained model.
        pretrained: a model with a `StructureFactorDecoder`; evaluated on molecules whose elements it supports.
        mol_field: the definition of the true field.
        train: the molecules for the mean field.
        test: the held-out molecules.
        seed: the seed of the orientations.
        refine: the number of gradient steps for refined codes.
        nodes: the number of grid nodes along each axis.
        progress: called after each molecule.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        average = mean_field(train, mol_field)
        with torch.no_grad():
            return list(_held_out(model.eval(), pretrained.eval(), mol_field, average, test, refine, nodes, progress))


def _held_out(
    model: FieldAutoEncoder,
    pretrained: FieldAutoEncoder,
    mol_field: MolField,
    average: Volume,
    test: Sequence[Data],
    refine: int,
    nodes: int,
    progress: Callable[[], None],
) -> Iterator[HeldOut]:
    rotated = [randomly_rotated(molecule) for molecule in test]
    batch = Batch.from_data_list(rotated)
    refined = model.encode(batch, refine=refine, target=mol_field(batch))
    for index, data in enumerate(rotated):
        target, grid = mol_field(data), mol_field.grid(data, nodes)
        fields = (
            model.field(data),
            model.decoder.field(refined[index]),
            pretrained.field(data) if supports(pretrained, data) else None,
            interpolated(target, grid, 16, "linear"),
            interpolated(target, grid, 16, "cubic"),
            average,
            0.0 * target,
        )
        truth = target.on(grid)
        named = {name: field for name, field in zip(METHODS, fields, strict=True) if field is not None}
        ratios = {name: _capped(psnr(field, truth, grid)) for name, field in named.items()}
        yield HeldOut(data, grid, truth, named, ratios)
        progress()


def summary(cases: Sequence[HeldOut]) -> Summary:
    """The summary of each method over the molecules that it applies to, None where there are none."""
    rows: list[tuple[str, int, float | None, float | None, float | None]] = []
    for method in METHODS:
        ratios = [case.ratios[method] for case in cases if method in case.ratios]
        if not ratios:
            rows.append((method, 0, None, None, None))
            continue
        occupied = [ratio.occupied for ratio in ratios]
        rows.append((method, len(ratios), mean(occupied), min(occupied), mean(ratio.all_nodes for ratio in ratios)))
    return rows


def _capped(ratio: PSNR) -> PSNR:
    return PSNR(min(ratio.all_nodes, MAX_PSNR), min(ratio.occupied, MAX_PSNR))
