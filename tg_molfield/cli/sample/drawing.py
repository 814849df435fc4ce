"""Molecules that are drawn at random from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from tg_molfield.cli.reading import read_for_model
from tg_molfield.nn import DecodedMolecules, FieldAutoEncoder

if TYPE_CHECKING:
    from torch_geometric.data import Data

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


def new_molecules(model: FieldAutoEncoder, number: int, tries: int, seed: int) -> Samples:
    """Any molecules."""
    return Samples(model.sample(number, tries=tries, generator=_generator(seed)))


def near_molecules(
    model: FieldAutoEncoder, source: str, distance: float, number: int, tries: int, seed: int, show: Show
) -> list[Samples]:
    """Molecules near each of a file or a SMILES.

    Args:
        model: the model.
        source: the file or the SMILES.
        distance: how far.
        number: how many near each.
        tries: how often, at most, each is drawn.
        seed: of the noise.
        show: told how far it is.

    Raises:
        ValueError: there is no molecule that the model can encode.
    """
    generator = _generator(seed)
    sources = read_for_model(source, model)
    found = []
    for place, one in enumerate(sources):
        show(f"sampling near {one.title}", place / len(sources))
        data = one.molecules[0]
        with torch.no_grad():
            latent = model.encode(data)
        found.append(
            Samples(model.sample_near(latent, distance, number, tries=tries, generator=generator), one.title, data)
        )
    return found


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
