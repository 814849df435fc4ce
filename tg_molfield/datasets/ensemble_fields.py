"""`EnsembleFields`: a data set of the frames of one molecule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_names, check_flag, check_integers, require_integers
from tg_molfield.datasets.computed_properties import computed_properties
from tg_molfield.datasets.ensemble_building import FrameBuilder
from tg_molfield.datasets.ensemble_source import FrameSource
from tg_molfield.datasets.progress import Show
from tg_molfield.datasets.splits import check_split, frame_ranks, split_blocks, split_groups
from tg_molfield.datasets.stored_fields import StoredFields
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.library import Recipe
from tg_molfield.structures.needed import Definition


class EnsembleFields(StoredFields):
    """Frames of one molecule: conformers and models of a file, or a trajectory of molecular dynamics.

    Every ``Data`` has ``z`` [N], ``pos`` [N, 3] in Å, ``name``, ``frame``, the number of the frame in its file from 0,
    and ``trajectory``, the number of the file from 0; ``time`` [1] in ps (float64) where the file tells it; ``cell``
    [1, 3, 3] in Å and ``pbc`` [1, 3] of periodic frames; ``residue_number``, ``chain``, ``hetero``, ``water`` and
    ``partial_charge`` [N] where the topology has them; and what else ``read`` and `from_ase` take from the file.
    Fields come from ``transform=MolFieldTransform(...)`` when a frame is read. The file on the disk, going on after an
    interruption and ``processed/failed.csv`` are as for `MoleculeFields`; frames of trajectories are read one by one.

    ==============================  =================================================================================
    ``.xtc`` ``.trr``               GROMACS, with a topology
    ``.dcd``                        CHARMM, NAMD, OpenMM, with a topology; no ``time`` where the header has none
    ``.nc`` ``.ncdf`` ``.netcdf``   AMBER (netCDF 3), with a topology
    ``.traj``                       ASE, with energies and forces; no ``time``
    models, conformers, frames      of PDB, mmCIF, SDF, MOL2, XYZ and extended XYZ, also with ``.gz``
    ==============================  =================================================================================

    Topologies and XTC, TRR and DCD are read by MDAnalysis: ``pip install 'tg_molfield[trajectories]'``. Sites without
    mass, such as those of four-point waters, are left out. Frames with other atoms than the first one of their file
    fail, and so does the end of a file that was cut short.

    Args:
        root: the folder of the data set.
        source: a file or several. None opens what ``root`` has, if it has the options that are given.
        topology: the file that names the atoms of trajectories: PDB, GRO, TPR, PSF, PRMTOP or another that MDAnalysis
            reads, or SDF.
        transform: as for `MoleculeFields`, and so are the others that are not explained here.
        pre_transform: see there.
        pre_filter: see there.
        force_reload: see there.
        selection: the atoms to keep of trajectories with a topology, in the language of MDAnalysis: ``"protein"``,
            ``"not water"``, ``"resname LIG"``.
        start: the first frame that is taken of each file, from 0.
        stop: the frame before which each file ends; by default all are taken.
        stride: the step between frames.
        whole: put the atoms of periodic molecules beside the ones that they are bonded to, across the borders of the
            cell. Bonds are those of the topology, or those by the distances there or in the first frame. Networks that
            are bonded to their own images, such as crystals and surfaces, stay as they are; different molecules stay in
            the images that the file has.
        properties: per-atom properties to compute, of bonds that are perceived in the first frame of each file (SDF and
            MOL2 have their own); ``"auto"`` for what ``mol_field`` reads. Charges of the topology come first.
        mol_field: the definition of a field, for ``properties="auto"``.
        labels: numbers that become ``y``, in this order: values of extended XYZ and tags of SDF, ``info`` and results
            of ``.traj``, such as ``energy``.
        dtype: see there.
        progress: see there.
        errors: see there.
        dimension: see there.

    Raises:
        FileNotFoundError: a file is missing, or there is neither a source nor a data set.
        ImportError: MDAnalysis is needed and not installed.
        TypeError: an argument is of another kind.
        ValueError: an argument is out of range or has no effect, no frame can be read, the topology has another number
            of atoms, or ``root`` has a data set of another source or of other options.
        OSError: a file cannot be read or written.

    Warns:
        SkippedRecordsWarning: frames failed.
        StructureWarning: what the readers warn of, once for all frames.
        DroppedKeysWarning: only some frames have an attribute.

    Example:
        >>> dataset = EnsembleFields(  # doctest: +SKIP
        ...     "run-1", "run.xtc", topology="run.tpr", selection="protein", stride=10
        ... )
        >>> parts = dataset.split_idx(by="blocks", gap=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path,
        source: str | Path | Sequence[str | Path] | None = None,
        topology: str | Path | None = None,
        *,
        transform: Callable[[Data], Any] | None = None,
        pre_transform: Callable[[Data], Data] | None = None,
        pre_filter: Callable[[Data], bool] | None = None,
        force_reload: bool = False,
        selection: str = "all",
        start: int = 0,
        stop: int | None = None,
        stride: int = 1,
        whole: bool = True,
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        labels: str | Iterable[str] = (),
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
        errors: str = "skip",
        dimension: Literal[3] | None = None,
    ) -> None:
        check_integers(start=start, stop=stop, stride=stride)
        require_integers(start=start, stride=stride)
        check_flag(whole=whole)
        for name, value, least in (("start", start, 0), ("stop", stop, start + 1), ("stride", stride, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name}: expected at least {least}, got {value}; frames are counted from 0")
        if not isinstance(selection, str):
            raise TypeError(f"selection: expected a text, got {type(selection).__name__}; give for example 'protein'")
        names = (labels,) if isinstance(labels, str) else tuple(as_names("labels", labels))
        floating = float_dtype(dtype)
        recipe = Recipe(*computed_properties(properties, mol_field), floating, dimension)
        builder = FrameBuilder(recipe, names, selection, start, stop, stride, bool(whole))
        if source is None and topology is not None:
            raise ValueError("topology: expected None without a source, got a file; give the trajectory too")
        super().__init__(
            root,
            None if source is None else FrameSource(source, topology, builder),
            builder,
            transform=transform,
            pre_transform=pre_transform,
            pre_filter=pre_filter,
            force_reload=force_reload,
            workers=0,
            cluster=None,
            errors=errors,
            progress=progress,
        )

    def split_idx(
        self, fractions: Sequence[float] = (0.8, 0.1, 0.1), by: str = "blocks", seed: int = 0, gap: int = 0
    ) -> dict[str, Tensor]:
        """Indices of the frames to train on, to validate with, and to test with.

        Args:
            fractions: the shares of the three, with the sum 1.
            by: ``"blocks"`` takes the first frames of each file for training, the next for validation and the last for
                testing, also where frames were selected or shuffled; ``"trajectory"`` has all frames of a file in one
                part. ``"random"`` is for conformers that do not depend on each other: neighbouring frames of a
                trajectory are nearly the same, so that a model that trains on one and is tested with the next only
                shows what it remembers.
            seed: of the order of files or frames; blocks have none.
            gap: frames of the data set, as it was built, that are left out between blocks: at best as many as it takes
                until frames are independent.

        Returns:
            ``{"train": ..., "valid": ..., "test": ...}``, each sorted, for ``dataset[indices]``.

        Raises:
            TypeError: an argument is of another kind.
            ValueError: an argument is out of range.
        """
        shares = check_split(fractions, by, seed, ("blocks", "trajectory", "random"))
        check_integers(gap=gap)
        require_integers(gap=gap)
        if gap < 0 or (gap and by != "blocks"):
            raise ValueError(f"gap: expected frames between blocks, got {gap} by {by!r}; leave it out")
        files, frames = self._places()
        chosen = [files[index] for index in self.indices()]
        if by == "blocks":
            ranks = frame_ranks(files, frames)
            return split_blocks(chosen, [ranks[index] for index in self.indices()], shares, gap)
        groups = chosen if by == "trajectory" else self.indices()
        return split_groups(list(groups), shares, seed, by == "trajectory")

    def _places(self) -> tuple[list[Any], list[int]]:
        """Of each frame, its file and its number there; its index where ``pre_transform`` left these out."""
        files: list[Any] = []
        frames: list[int] = []
        for index, others in enumerate(self._store.others()):
            files.append(others.get("trajectory", 0))
            frame = others.get("frame")
            frames.append(frame if isinstance(frame, int) and "trajectory" in others else index)
        return files, frames
