"""`MolFieldTransform`: query points and field values put on PyG data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import get_worker_info
from torch_geometric.data import Data
from torch_geometric.data.datapipes import functional_transform
from torch_geometric.transforms import BaseTransform

from tg_molfield.fields import MolField
from tg_molfield.transforms.samplers import MixtureSampler, Sampler


@functional_transform("mol_field")
class MolFieldTransform(BaseTransform):
    """Adds ``query_pos`` [Q, 3] (Å), ``query_batch`` [Q] and ``field`` [Q, C] to a molecule (functional: mol_field).

    Molecules with different numbers of queries collate with the plain PyG ``DataLoader``: ``query_batch`` then says
    which molecule each query belongs to. Works on every data set whose data have ``z`` [N] and ``pos`` [N, 3] in Å.
    Use it as ``transform`` to draw new points at every access; as ``pre_transform`` the points are drawn once.

    Args:
        mol_field: the definition of the field; `MolField` with its defaults if not given.
        num_queries: the number of points a molecule; ignored by a `GridSampler`.
        sampler: where the points lie; half near the atoms and half in the box if not given.
        seed: makes the points reproducible: the same sequence of calls gives the same points. With worker
            processes the points also depend on the loader's own seed, so that no two workers repeat each other.
            torch's global generator is used if not given.
        generator: a generator to draw from, in place of ``seed``.

    Raises:
        ValueError: ``num_queries`` is less than 1, or both ``seed`` and ``generator`` are given.
    """

    def __init__(
        self,
        mol_field: MolField | None = None,
        num_queries: int = 512,
        sampler: Sampler | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if num_queries < 1:
            raise ValueError(f"num_queries={num_queries}: must be at least 1")
        if seed is not None and generator is not None:
            raise ValueError("seed, generator: give one of them, not both")
        self.mol_field = MolField() if mol_field is None else mol_field
        self.num_queries = num_queries
        self.sampler = MixtureSampler() if sampler is None else sampler
        self.generator = torch.Generator().manual_seed(seed) if seed is not None else generator
        self._worker: int | None = None

    def forward(self, data: Any) -> Any:
        """Add the three attributes to one molecule.

        Raises:
            ValueError: ``data`` is a batch, or its atoms are not fit for the field; see `MolField.__call__`.
        """
        if not isinstance(data, Data):
            raise TypeError(f"data: expected a torch_geometric Data, got {type(data).__name__}")
        if getattr(data, "batch", None) is not None:
            raise ValueError("data: is a batch; apply the transform to each molecule, before they are collated")
        field = self.mol_field(data)
        data.query_pos = self._points(data.pos.detach())
        data.query_batch = torch.zeros(len(data.query_pos), dtype=torch.long, device=data.query_pos.device)
        data.field = field(data.query_pos)
        return data

    def _points(self, pos: Tensor) -> Tensor:
        worker = get_worker_info()
        if self.generator is not None and worker is not None and self._worker != worker.seed:
            self.generator.manual_seed((self.generator.initial_seed() + worker.seed) % 2**63)
            self._worker = worker.seed
        return self.sampler(pos, self.num_queries, self.generator)

    def __repr__(self) -> str:
        seed = None if self.generator is None else self.generator.initial_seed()
        return (
            f"{type(self).__name__}({self.mol_field!r}, num_queries={self.num_queries}, "
            f"sampler={self.sampler!r}, seed={seed})"
        )
