"""Molecules that are drawn at random from a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch

from tg_molfield.nn import DecodedMolecules, FieldAutoEncoder

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.cli.reading import Source
    from tg_molfield.cli.terminal import Show


class Samples(NamedTuple):
    """New molecules.

    Attributes:
        molecules: what the model decoded.
        near: the name of the molecule that they are near; empty for any.
        given: that molecule.
    """

    molecules: DecodedMolecules
    near: str = ""
    given: Data | None = None


def new_molecules(model: FieldAutoEncoder, number: int, tries: int, seed: int, show: Show) -> Samples:
    """Any molecules; ``show`` is told how far it is."""
    told = partial(_tell, show, "sampling", 0.0, 1.0)
    return Samples(model.sample(number, tries=tries, generator=_generator(seed), progress=told))


def near_molecules(
    model: FieldAutoEncoder,
    sources: Sequence[Source],
    distance: float,
    number: int,
    tries: int,
    seed: int,
    show: Show,
) -> list[Samples]:
    """Molecules near each of those that were read.

    Args:
        model: the model.
        sources: see `read_for_model`.
        distance: how far.
        number: how many near each.
        tries: how often, at most, each is drawn.
        seed: of the noise.
        show: told how far it is.
    """
    generator = _generator(seed)
    found = []
    for place, one in enumerate(sources):
        what = f"sampling near {one.title}"
        told = partial(_tell, show, what, place / len(sources), 1 / len(sources))
        told(0, number)
        data = one.molecules[0]
        with torch.no_grad():
            latent = model.encode(data)
        near = model.sample_near(latent, distance, number, tries=tries, generator=generator, progress=told)
        found.append(Samples(near, one.title, data))
    return found


def _tell(show: Show, what: str, begun: float, share: float, done: int, total: int) -> None:
    """Show the progress of a ``share`` of the work, of which ``begun`` was done before."""
    show(what, begun + share * done / total)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
