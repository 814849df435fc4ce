"""How well held-out molecules are reconstructed, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch_geometric.data import Batch, Data

from tg_molfield.demo.baselines import interpolated, mean_field
from tg_molfield.demo.molecules import randomly_turned
from tg_molfield.demo.pretrained import NAME, knows
from tg_molfield.fields import Field, Grid, MolField, Volume
from tg_molfield.metrics import PSNR, psnr
from tg_molfield.nn import FieldAutoEncoder

LEARNED = "learned"
REFINED = "learned, code refined"
PRETRAINED = f"{NAME} (pretrained)"
METHODS = (LEARNED, REFINED, PRETRAINED, "trilinear from 16³", "cubic from 16³", "mean field", "zero field")
NODES = 32
"""Nodes an axis of the grid on which fields are compared; the molecule's field is exact there."""
MOST = 150.0
"""dB at which every ratio is cut off: rounding, and exact agreement, whose ratio is infinite."""

Summary = Sequence[tuple[str, int, float | None, float | None, float | None]]
"""By method: the number of molecules, and of these the mean PSNR on occupied nodes, the least, the mean on all."""


@dataclass(frozen=True)
class HeldOut:
    """One held-out molecule: its fields on the grid, by method, and how well each does, at most `MOST` dB.

    A method that does not apply to the molecule is missing.
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
    done: Callable[[], None] = lambda: None,
) -> list[HeldOut]:
    """Judge the model on ``test`` molecules, each in a random orientation, on its paper's cube of 32³ nodes.

    Args:
        model: trained.
        pretrained: another, with a `StructureFactorDecoder`; judged on the molecules whose elements it knows.
        mol_field: the definition of the true field.
        train: the molecules that the mean field is made of.
        test: held-out molecules.
        seed: of the orientations.
        refine: gradient steps on the code in the refined variant.
        done: called after each molecule.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        average = mean_field(train, mol_field)
        with torch.no_grad():
            return list(_held_out(model.eval(), pretrained.eval(), mol_field, average, test, refine, done))


def _held_out(
    model: FieldAutoEncoder,
    pretrained: FieldAutoEncoder,
    mol_field: MolField,
    average: Volume,
    test: Sequence[Data],
    refine: int,
    done: Callable[[], None],
) -> Iterator[HeldOut]:
    turned = [randomly_turned(molecule) for molecule in test]
    batch = Batch.from_data_list(turned)
    refined = model.encode(batch.z, batch.pos, batch.batch, refine=refine, target=mol_field(batch))
    for index, data in enumerate(turned):
        target, grid = mol_field(data), mol_field.grid(data, NODES)
        fields = (
            model.field(data),
            model.decoder.field(refined[index]),
            pretrained.field(data) if knows(pretrained, data) else None,
            interpolated(target, grid, 16, "linear"),
            interpolated(target, grid, 16, "cubic"),
            average,
            0.0 * target,
        )
        truth = target.on(grid)
        named = {name: field for name, field in zip(METHODS, fields, strict=True) if field is not None}
        ratios = {name: _capped(psnr(field, truth, grid)) for name, field in named.items()}
        yield HeldOut(data, grid, truth, named, ratios)
        done()


def summary(cases: Sequence[HeldOut]) -> Summary:
    """The figures of merit by method, each over the molecules that the method applies to; None where there is none."""
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
    return PSNR(min(ratio.all_nodes, MOST), min(ratio.occupied, MOST))
