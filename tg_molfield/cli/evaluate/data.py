"""The molecules that a model is evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tg_molfield.cli.data_sets.building import Reading
from tg_molfield.cli.data_sets.opening import is_data_set, opened, opened_or_built
from tg_molfield.cli.data_sets.splitting import FRACTIONS, part_of, usual_by
from tg_molfield.cli.no_effect import refuse
from tg_molfield.cli.train.configuration import FILE, Configuration

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields


@dataclass(frozen=True)
class Part:
    """What part of a data set is taken; None leaves an option at its default.

    Attributes:
        split: train, valid or test; None for all molecules.
        by: how the data set is split.
        fractions: shares of the parts.
        seed: of the split.
    """

    split: str | None = None
    by: str | None = None
    fractions: tuple[float, ...] | None = None
    seed: int | None = None

    def options(self) -> dict[str, object]:
        """The options of the split, by name."""
        return {"--by": self.by, "--fractions": self.fractions, "--split-seed": self.seed}


@dataclass(frozen=True)
class Chosen:
    """The molecules that are chosen.

    Attributes:
        dataset: the data set.
        indices: of the molecules.
        described: which they are, in words.
    """

    dataset: MoleculeFields
    indices: list[int]
    described: str


def chosen(sources: Sequence[str], model: str, part: Part, how: Reading, folder: Path) -> Chosen:
    """The molecules of sources, or of the training that made the model.

    Args:
        sources: a data set, or what it is built of; empty for the data set of the training.
        model: folder of the training, where there are no sources.
        part: which part of it.
        how: how sources are read.
        folder: where they are built.

    Raises:
        ValueError: there are no sources and no training, or options have no effect.
    """
    if sources:
        dataset = opened_or_built(sources, folder, how, stays=False)
        where, remedy = ", ".join(sources), "give other --fractions"
    else:
        dataset, part = _of_training(model, part)
        where, remedy = f"the data set of {model}", "give another --split, or molecules"
    if part.split is None:
        refuse(part.options(), "--split", "none")
        return Chosen(dataset, list(range(len(dataset))), where)
    by, seed = part.by or usual_by(dataset), part.seed or 0
    indices = part_of(dataset, part.split, part.fractions or FRACTIONS, by, seed, remedy)
    return Chosen(dataset, indices, f"{where}, part {part.split} ({by}, seed {seed})")


def _of_training(model: str, part: Part) -> tuple[MoleculeFields, Part]:
    """The data set of a training, and its own split of it; by default the molecules to test with."""
    folder = Path(model)
    if not (folder / FILE).is_file():
        raise ValueError(
            f"source: expected molecules, or the folder of a training as --model, which has {FILE}, got neither; give "
            "a data set or files"
        )
    refuse(part.options(), "a data set or files", "the split of the training")
    how = Configuration.read(folder / FILE)
    source = how.data[0] if len(how.data) == 1 and is_data_set(how.data[0]) else folder / "data"
    if not is_data_set(source):
        raise ValueError(f"{folder}: expected the data set of the training, got none in {source}; give the molecules")
    return opened(source), replace(
        part, split=part.split or "test", by=how.by, fractions=how.fractions, seed=how.split_seed
    )
