"""`QM9Fields`: 130,831 molecules with computed properties."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import as_path
from tg_molfield.datasets.molecule_fields import MoleculeFields
from tg_molfield.datasets.progress import Show
from tg_molfield.datasets.qm9_sources import LABELS, QM9Source, download_raw, qm9_source
from tg_molfield.structures.needed import Definition


class QM9Fields(MoleculeFields):
    """QM9: 130,831 molecules of up to nine atoms C, N, O and F, with hydrogens, at B3LYP/6-31G(2df,p) minima.

    ``y`` [1, 12] has the first twelve targets of PyG's ``QM9`` in their order and units: ``mu`` (D), ``alpha`` (a₀³),
    ``homo``, ``lumo``, ``gap`` (eV), ``r2`` (a₀²), ``zpve``, ``U0``, ``U``, ``H``, ``G`` (eV) and ``Cv``
    (cal/(mol K)). ``U0`` to ``G`` are some 10⁴ eV, which float32 rounds to 0.001 eV; give ``dtype=torch.float64`` for
    more. ``name`` is ``gdb_1`` and so on, by QM9's own numbers. The 3,054 molecules that fail its consistency check
    are left out.

    Source: Ramakrishnan, Dral, Rupp and von Lilienfeld, Sci. Data 1, 140022 (2014).

    Args:
        root: the folder of the data set.
        source: a folder with a local copy: ``gdb9.sdf``, ``gdb9.sdf.csv`` and ``uncharacterized.txt`` as PyG's ``QM9``
            has them in ``raw``, or ``geometries.npz`` (``n`` [M], ``z`` [N], ``pos_milliangstrom`` [N, 3], ``index``
            [M]) and ``properties.npz`` (``index`` [M], ``y`` [M, 12] in the units of QM9). None downloads the former
            into ``raw`` under ``root``, or takes those that are there. With the latter there is no ``smiles``.
        transform: as for `MoleculeFields`, and so are the others.
        pre_transform: see there.
        pre_filter: see there.
        force_reload: see there.
        properties: see there.
        mol_field: see there.
        workers: see there.
        cluster: see there.
        dtype: see there.
        progress: see there.

    Raises:
        ConnectionError: the files cannot be downloaded.
        FileNotFoundError: the folder has neither.
        ValueError: they are not those of QM9, or as for `MoleculeFields`.
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
        properties: str | Iterable[str] = (),
        mol_field: Definition | None = None,
        workers: int = 0,
        cluster: Any = None,
        dtype: torch.dtype | None = None,
        progress: Show | bool | None = None,
    ) -> None:
        entries: QM9Source | None = None
        if source is not None:
            entries = qm9_source(as_path(source, "source"))
        elif force_reload or not self.is_complete(root):
            entries = qm9_source(download_raw(as_path(root, "root").expanduser() / "raw"))
        super().__init__(
            root,
            entries,
            transform=transform,
            pre_transform=pre_transform,
            pre_filter=pre_filter,
            force_reload=force_reload,
            properties=properties,
            mol_field=mol_field,
            labels=LABELS,
            workers=workers,
            cluster=cluster,
            dtype=dtype,
            progress=progress,
            dimension=3,
        )
