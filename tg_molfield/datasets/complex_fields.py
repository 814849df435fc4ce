"""`ComplexFields`: a data set of proteins with their ligands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_names, check_flag, check_number
from tg_molfield.datasets.complex_building import ComplexBuilder
from tg_molfield.datasets.complex_source import ComplexSource
from tg_molfield.datasets.computed_properties import computed_properties
from tg_molfield.datasets.progress import Show
from tg_molfield.datasets.splits import check_split, split_groups
from tg_molfield.datasets.stored_fields import StoredFields
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.library import Recipe
from tg_molfield.structures.needed import Definition


class ComplexFields(StoredFields):
    """Proteins with their ligands, from folders or from a table of files.

    Each is one ``Data`` as `read_complex` gives it, with the ligand's atoms first: ``z`` [N], ``pos`` [N, 3] in Å,
    ``part`` [N] (0 ligand, 1 protein), by which a `MolField` tells the two apart; ``residue_number``, ``chain``,
    ``hetero`` and ``water`` [N] where the protein has residues; ``name``; ``protein``, the file of the protein;
    ``smiles`` of the ligand where its file has bonds; and ``y`` [1, L] with ``labels``. Fields come from
    ``transform=MolFieldTransform(...)`` when a complex is read. The file on the disk, going on after an interruption
    and ``processed/failed.csv`` are as for `MoleculeFields`.

    In a folder and the folders in it, files belong together by their names:

    - ``1abc/1abc_protein.pdb`` and ``1abc/1abc_ligand.sdf``, as in PDBbind, are the complex ``1abc``; so are
      ``protein.pdb`` and ``ligand.sdf`` in a folder ``1abc``, and ``1abc_protein.pdb`` beside ``1abc_ligand.sdf`` in a
      folder with others. ``receptor`` and ``rec`` may stand for ``protein``, ``lig`` for ``ligand``. A folder with one
      protein has it for all ligands.
    - ``ligands.sdf`` has several ligands, each with its title as the name of the complex.
    - Where a ligand is there in several formats, SDF is taken before MOL2 and PDB. Other files are passed over.

    Args:
        root: the folder of the data set.
        source: a folder, or a ``.csv`` or ``.tsv`` with the columns ``protein`` and ``ligand`` (files from its folder;
            the ligand may be a residue of the protein file, as for `read_complex`) and perhaps ``name`` and labels.
            None opens what ``root`` has, if it has the options that are given.
        transform: as for `MoleculeFields`, and so are the others that are not explained here.
        pre_transform: see there.
        pre_filter: see there.
        force_reload: see there.
        pocket: keep only residues with an atom within this distance in Å of the ligand, whole; see
            `tg_molfield.compare.pocket`. By default all of the protein is kept.
        waters: keep the waters of the protein.
        hetero: keep the other hetero atoms of the protein: ions, cofactors, other ligands.
        properties: per-atom properties to compute, or ``"auto"`` for those that ``mol_field`` reads. Proteins must have
            bonds for it, as in MOL2.
        mol_field: the definition of a field, for ``properties="auto"``.
        labels: numbers that become ``y``, in this order and in the unit of the source: columns of the table, and tags
            of ligands in SDF. NaN where there is none.
        table: labels by the name of the complex or the title of the ligand: a CSV or TSV, an index file of PDBbind
            (labels ``-logKd/Ki``, ``resolution``, ``release year``), or the name of a file that each folder has.
        workers: see there.
        cluster: see there; its workers read the files themselves, under the same paths.
        dtype: see there.
        progress: see there.
        errors: see there.
        dimension: see there.

    Raises:
        FileNotFoundError: a file is missing, or there is neither a source nor a data set.
        TypeError: an argument is of another kind.
        ValueError: an argument is out of range, there are no complexes, none can be read, or ``root`` has a data set
            of another source or of other options.
        OSError: a file cannot be read or written.

    Warns:
        SkippedRecordsWarning: complexes failed.
        StructureWarning: what the readers warn of, once for all complexes.
        DroppedKeysWarning: only some complexes have an attribute.

    Example:
        >>> dataset = ComplexFields(  # doctest: +SKIP
        ...     "pdbbind-pockets", "refined-set", pocket=6.0, labels="-logKd/Ki", table="INDEX_refined_data.2020"
        ... )
    """

    def __init__(
        self,
        root: str | Path,
        source: str | Path | None = None,
        *,
        transform: Callable[[Data], Any] | None = None,
        pre_transform: Callable[[Data], Data] | None = None,
        pre_filter: Callable[[Data], bool] | None = None,
        force_reload: bool = False,
        pocket: float | None = None,
        waters: bool = False,
        hetero: bool = False,
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        labels: str | Iterable[str] = (),
        table: str | Path | None = None,
        workers: int = 0,
        cluster: Any = None,
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
        errors: str = "skip",
        dimension: Literal[3] | None = None,
    ) -> None:
        if pocket is not None:
            check_number("pocket", pocket)
            pocket = float(pocket)
            if not 0 < pocket < math.inf:
                raise ValueError(f"pocket: expected a positive number of Å, got {pocket:g}; give for example 6")
        check_flag(waters=waters, hetero=hetero)
        names = (labels,) if isinstance(labels, str) else tuple(as_names("labels", labels))
        computed, color = computed_properties(properties, mol_field)
        if color:
            raise ValueError(
                "mol_field: expected a definition that reads atoms, got one of pharmacophore features; use "
                "MoleculeFields for the ligands alone"
            )
        floating = float_dtype(dtype)
        recipe = Recipe(computed, False, floating, dimension)
        super().__init__(
            root,
            None if source is None else ComplexSource(source, names, table, floating),
            ComplexBuilder(recipe, names, pocket, bool(waters), bool(hetero)),
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
        """Indices of the complexes to train on, to validate with, and to test with.

        Args:
            fractions: the shares of the three, with the sum 1; parts come as near as groups of complexes let them.
            by: ``"random"``, where poses of a ligand in a protein stay together; ``"scaffold"`` to have the ligands of
                each Bemis–Murcko scaffold in one part; ``"protein"`` to have the complexes of each protein file in one
                part. None of them keeps homologous proteins together: cluster the sequences for that.
            seed: of the order.

        Returns:
            ``{"train": ..., "valid": ..., "test": ...}``, each sorted, for ``dataset[indices]``.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: an argument is out of range, or ligands have no SMILES.
        """
        shares = check_split(fractions, by, seed, ("random", "scaffold", "protein"))
        groups: Sequence[Any] = self._scaffolds() if by == "scaffold" else self._groups(by == "protein")
        return split_groups([groups[index] for index in self.indices()], shares, seed, by != "random")

    def _groups(self, of_protein: bool) -> list[Any]:
        """Of each complex, its protein, or what has the same ligand in the same protein."""
        groups: list[Any] = []
        for index, others in enumerate(self._store.others()):
            protein = others.get("protein")
            if of_protein and protein is None:
                raise ValueError(
                    f"by: expected 'random' for complexes without protein, such as that of index {index}, got "
                    "'protein'; keep data.protein in pre_transform"
                )
            ligand = others.get("smiles")
            poses = protein is not None and ligand is not None
            groups.append(protein if of_protein else (protein, ligand) if poses else index)
        return groups
