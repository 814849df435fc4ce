"""`MoleculeFields`: a data set of molecules from whatever holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_names, check_integers, require_integers
from tg_molfield.datasets.computed_properties import computed_properties
from tg_molfield.datasets.equal_molecules import warn_of_equal_molecules
from tg_molfield.datasets.molecule_building import MoleculeBuilder
from tg_molfield.datasets.progress import Show
from tg_molfield.datasets.sources import MoleculeSource, Source
from tg_molfield.datasets.splits import check_split, split_groups
from tg_molfield.datasets.stored_fields import StoredFields
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.library import Recipe
from tg_molfield.structures.needed import Definition


class MoleculeFields(StoredFields):
    """Molecules with positions, from a table of SMILES, structure files, or a list of ``Data`` or ASE ``Atoms``.

    The data set holds atoms, properties and labels, not fields: these come from ``transform=MolFieldTransform(...)``
    when a molecule is read, so that another field needs no new build. It is a file ``processed/molecules.db`` under
    ``root``, from which molecules are read one by one, whatever their number; worker processes of a ``DataLoader`` may
    read it together.

    Building writes what is done after every few molecules. An interrupted or killed build goes on where it was, and
    gives what an unbroken one gives. Records that fail, also in ``pre_filter`` or ``pre_transform``, are left out and
    listed with the reason in ``processed/failed.csv``. Where ``root`` has the data set already, of the same source,
    options and functions, it is opened.

    Every ``Data`` has ``z`` [N], ``pos`` [N, 3] in Å and ``name``; ``smiles`` where the source gives the bonds; ``y``
    [1, L] with ``labels``; ``properties`` [N]; and what else ``read`` takes from the file, or what a given ``Data``
    has: tensors, texts and numbers. An attribute that only some molecules have is left out of all, but a cell, which is
    zero for the others; a cell without ``pbc`` is periodic in all directions.

    Args:
        root: the folder of the data set.
        source: a file (``.csv`` or ``.tsv`` with a column ``smiles``, ``.smi``, SDF, MOL2 or any that ``read`` takes;
            each also with ``.gz``), several files, a folder of files, or a sequence of ``Data`` or ``Atoms``, such as
            another PyG data set. None opens what ``root`` has, if it has the options that are given.
        transform: applied to a molecule whenever it is read.
        pre_transform: applied once, before a molecule is kept. Where its code or its attributes were edited, it counts
            as another one.
        pre_filter: tells whether a molecule is kept, before ``pre_transform``; as there.
        force_reload: build again, whatever is there. What is there stays until the new data set is complete; an
            interrupted rebuild goes on with the next ``force_reload=True``.
        properties: per-atom properties to compute, as for ``read``; bonds of molecules without them are perceived.
            ``"auto"`` computes what ``mol_field`` reads.
        mol_field: the definition of a field, for ``properties="auto"``.
        labels: numbers that become ``y``, in this order and in the unit of the source: columns of a table, tags of an
            SDF, values of extended XYZ, attributes of ``Data``, ``info`` of ``Atoms``. NaN where there is none.
        conformers: how many conformers are made of each SMILES; each is a molecule of the data set.
        seed: of the conformers.
        workers: processes that read files and make conformers, beside this one. As always with processes, a script
            that uses them begins its work under ``if __name__ == "__main__":``.
        cluster: a Dask cluster that does it instead: the address of its scheduler, as in ``"tcp://host:8786"``, or a
            ``distributed.Client``. The data set is the same. Needs the extra ``cluster``.
        dtype: floating type; by default torch's, and for ``Data`` the one that it has.
        progress: a function that is called with a `BuildProgress` after every chunk, True or False; by default there
            is a bar in a terminal and in a notebook.
        errors: ``"skip"``, or ``"raise"`` to stop at the first record that fails.
        timeout: seconds for the conformers of one SMILES.
        dimension: 3 to take flat records of SDF files as geometries, as in ``read``.

    Raises:
        FileNotFoundError: a file is missing, or there is neither a source nor a data set.
        TypeError: an argument is of another kind.
        ValueError: an argument is out of range, no molecule can be read, or ``root`` has a data set of another source
            or of other options.
        OSError: a file cannot be read or written.

    Warns:
        SkippedRecordsWarning: records failed.
        StructureWarning: what the readers warn of, once for all records; or the build goes on with a ``pre_transform``
            or ``pre_filter`` whose attributes calls change, such as a counter.
        DroppedKeysWarning: only some molecules have an attribute.

    Example:
        >>> dataset = MoleculeFields("esol", "esol.csv", labels="logS")  # doctest: +SKIP
        >>> train = dataset[dataset.split_idx(by="scaffold")["train"]]  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        source: Any = None,
        *,
        transform: Callable[[Data], Any] | None = None,
        pre_transform: Callable[[Data], Data] | None = None,
        pre_filter: Callable[[Data], bool] | None = None,
        force_reload: bool = False,
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        labels: str | Iterable[str] = (),
        conformers: int = 1,
        seed: int = 0,
        workers: int = 0,
        cluster: Any = None,
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
        errors: str = "skip",
        timeout: float = 20.0,
        dimension: Literal[3] | None = None,
    ) -> None:
        names = (labels,) if isinstance(labels, str) else tuple(as_names("labels", labels))
        floating = float_dtype(dtype)
        require_integers(conformers=conformers, seed=seed)
        recipe = Recipe(*computed_properties(properties, mol_field), dtype, dimension, conformers, seed, timeout)
        items: Source | None = None
        if source is not None:
            items = source if isinstance(source, Source) else MoleculeSource(source, names, floating)
            _check_conformers(conformers, items)
            recipe = replace(recipe, dtype=floating) if items.files else recipe
        super().__init__(
            root,
            items,
            MoleculeBuilder(recipe, names),
            transform=transform,
            pre_transform=pre_transform,
            pre_filter=pre_filter,
            force_reload=force_reload,
            workers=workers,
            cluster=cluster,
            errors=errors,
            progress=progress,
        )

    def split_idx(
        self, fractions: Sequence[float] = (0.8, 0.1, 0.1), by: str = "random", seed: int = 0
    ) -> dict[str, Tensor]:
        """Indices of the molecules to train on, to validate with, and to test with; conformers stay together.

        Args:
            fractions: the shares of the three, with the sum 1; parts come as near as groups of molecules let them.
            by: ``"random"``, or ``"scaffold"`` to have the molecules of each Bemis–Murcko scaffold in one part, and all
                without rings in one; large scaffolds are placed first, the others in random order.
            seed: of the order.

        Returns:
            ``{"train": ..., "valid": ..., "test": ...}``, each sorted, for ``dataset[indices]``.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: an argument is out of range, or molecules have no SMILES.

        Warns:
            EqualMoleculesWarning: a random split puts molecules with the same atoms and bonds, by their SMILES, into
                different parts.
        """
        shares = check_split(fractions, by, seed, ("random", "scaffold"))
        groups: Sequence[Any] = self._scaffolds() if by == "scaffold" else self._store.records()
        parts = split_groups([groups[index] for index in self.indices()], shares, seed, by == "scaffold")
        if by == "random":
            smiles = [others.get("smiles") for others in self._store.others()]
            warn_of_equal_molecules([smiles[index] for index in self.indices()], parts)
        return parts


def _check_conformers(conformers: int, source: Source) -> None:
    check_integers(conformers=conformers)
    if conformers != 1 and not source.has_smiles:
        raise ValueError(
            f"conformers: expected 1 for molecules that have positions, got {conformers}; give a table of SMILES"
        )
