"""Measuring how well a model reconstructs molecules, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.cli.evaluate.atoms import FoundAtoms, elements_of, found_atoms
from tg_molfield.fields import Field, Grid, MolField
from tg_molfield.files import fault_message
from tg_molfield.metrics import psnr_of_values
from tg_molfield.nn import FieldAutoEncoder, Latent
from tg_molfield.random_draws import draw_seeds
from tg_molfield.transforms import MolFieldTransform

_MARGIN = 4.0


class ChannelError(NamedTuple):
    """The error of a channel in a molecule.

    Attributes:
        rms: root mean square over all places, in parts of the channel's peak there.
        occupied: PSNR over occupied places in dB.
    """

    rms: float
    occupied: float


@dataclass(frozen=True)
class Measured:
    """How well one molecule is reconstructed.

    Attributes:
        index: in the data set, from 0.
        name: of the molecule.
        smiles: empty where it is not known.
        atoms: their number.
        fault: why it cannot be encoded; empty where it can.
        outside: how it differs from the molecules of the training.
        psnr: over all places in dB; NaN where the field is 0 at all of them.
        occupied: over occupied places.
        channels: the errors of those that are not 0.
        found: the atoms; None where the decoder gives none.
    """

    index: int
    name: str
    smiles: str
    atoms: int
    fault: str = ""
    outside: str = ""
    psnr: float = math.nan
    occupied: float = math.nan
    channels: dict[str, ChannelError] = field(default_factory=dict)
    found: FoundAtoms | None = None


@dataclass(frozen=True)
class Measure:
    """What is measured.

    Attributes:
        model: the model, in evaluation mode.
        mol_field: the definition of the exact field.
        nodes: along each axis of the cube around a molecule, see `MolField.grid`.
        points: in place of nodes, random points of each molecule, as in training.
        seed: of the points.
        refine: steps that improve codes.
    """

    model: FieldAutoEncoder
    mol_field: MolField
    nodes: int = 32
    points: int | None = None
    seed: int = 0
    refine: int = 0

    def __call__(self, molecules: Sequence[tuple[int, Data]]) -> Iterator[Measured]:
        """The figures of a batch of molecules with their indices; those that cannot be encoded have a fault."""
        try:
            yield from self._together(molecules)
        except (ValueError, RuntimeError) as error:
            if len(molecules) > 1:
                for one in molecules:
                    yield from self([one])
                return
            if not isinstance(error, ValueError):
                raise
            index, data = molecules[0]
            yield Measured(index, *_facts(data), fault=fault_message(error))

    @torch.no_grad()
    def _together(self, molecules: Sequence[tuple[int, Data]]) -> list[Measured]:
        prepared = [self._prepared(index, data) for index, data in molecules]
        batch = Batch.from_data_list(prepared)
        exact = self.mol_field(batch)
        latent = self.model.encode(batch, refine=self.refine, target=exact if self.refine else None)
        decoded = self.model.decoder.field(latent)
        pairs = list(zip(decoded.unbatch(), exact.unbatch(), strict=True))
        elements = elements_of(self.mol_field)
        found = [found_atoms(ours, theirs, elements) for ours, theirs in pairs]
        values = self._at_nodes(prepared, pairs) if self.points is None else self._at_points(batch, latent)
        return [
            Measured(index, *_facts(data), "", self._outside(one), *_figures(*pair, exact.channels), found=atoms)
            for (index, data), one, pair, atoms in zip(molecules, prepared, values, found, strict=True)
        ]

    def _prepared(self, index: int, data: Data) -> Data:
        """A molecule about its centre in the type of the model: no digits are lost far from the origin."""
        like = next(self.model.parameters())
        data = data.clone()
        if data.pos.dtype != like.dtype and len(data.pos):
            center = data.pos.mean(0)
            for name in ("pos", "color_pos"):
                if name in data:
                    data[name] = data[name] - center
        for name, value in data.to_dict().items():
            if isinstance(value, Tensor) and value.is_floating_point():
                data[name] = value.to(like.dtype)
        data.draw_seed = draw_seeds(self.seed, 0, torch.tensor([index]))
        return data

    def _outside(self, data: Data) -> str:
        return "; ".join(reason for reason in self.model.domain.reasons(data.z, data.pos) if reason)

    def _at_nodes(self, molecules: list[Data], pairs: list[tuple[Field, Field]]) -> list[tuple[Tensor, Tensor]]:
        values = []
        for data, (decoded, exact) in zip(molecules, pairs, strict=True):
            grid = self._grid(data)
            values.append((decoded.on(grid).values.flatten(1), exact.on(grid).values.flatten(1)))
        return values

    def _grid(self, data: Data) -> Grid:
        """The cube around a molecule; 4 Å beyond its atoms for kernels that do not fall to a half anywhere."""
        if math.isfinite(self.mol_field.kernel.reach(0.5)):
            return self.mol_field.grid(data, self.nodes)
        pos = data.pos.double()
        center = pos.mean(0)
        return Grid.cube(center, 2 * (float((pos - center).norm(dim=1).max()) + _MARGIN), self.nodes)

    def _at_points(self, batch: Batch, latent: Latent) -> list[tuple[Tensor, Tensor]]:
        batch = MolFieldTransform(self.mol_field, self.points)(batch)
        values = self.model.decode(latent, batch.query_pos, batch.query_batch)
        counts = torch.bincount(batch.query_batch, minlength=len(latent)).tolist()
        return [(one.T, other.T) for one, other in zip(values.split(counts), batch.field.split(counts), strict=True)]


def _facts(data: Data) -> tuple[str, str, int]:
    smiles = getattr(data, "smiles", "")
    return str(getattr(data, "name", "")), smiles if isinstance(smiles, str) else "", int(data.z.numel())


def _figures(values: Tensor, truth: Tensor, names: Sequence[str]) -> tuple[float, float, dict[str, ChannelError]]:
    """The PSNR over all and over occupied places, and the error of each channel that is not 0."""
    peaks = truth.abs().amax(1)
    if not bool(peaks.any()):
        return math.nan, math.nan, {}
    channels = {}
    for row, (name, peak) in enumerate(zip(names, peaks.tolist(), strict=True)):
        if peak > 0:
            rms = float(((values[row] - truth[row]) / peak).double().square().mean().sqrt())
            channels[name] = ChannelError(rms, psnr_of_values(values[row : row + 1], truth[row : row + 1]).occupied)
    return *psnr_of_values(values, truth), channels
