"""`MolFieldTransform`: query points and field values for PyG data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import get_worker_info
from torch_geometric.data import Batch, Data
from torch_geometric.data.datapipes import functional_transform
from torch_geometric.transforms import BaseTransform

from tg_molfield.arguments import check_counts, check_kind, check_seed
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.fields import MolField
from tg_molfield.random_draws import check_generator, seeds_of
from tg_molfield.transforms.samplers import MixtureSampler, Sampler
from tg_molfield.transforms.separable import add_separable

_NUM_QUERIES = 512


@functional_transform("mol_field")
class MolFieldTransform(BaseTransform):
    """Adds ``query_pos`` [Q, 3] (Å), ``query_batch`` [Q] and ``field`` [Q, C] to a molecule (functional: mol_field).

    Molecules with different numbers of queries collate with PyG's ``DataLoader``; ``query_batch`` is then the molecule
    of each query. Works on any data set with ``z`` [N] and ``pos`` [N, 3] in Å. As ``transform`` it draws new points at
    every access, as ``pre_transform`` only once. Small molecules are several times as fast together: call it on each
    ``Batch`` of the loader, instead of giving it to the data set. What it adds comes back with ``to_data_list()``.

    Rotate and take subgraphs before this transform. PyG's geometric transforms, such as ``RandomRotate``, move ``pos``
    alone: ``query_pos`` and ``field`` of earlier calls stay behind, which `tg_molfield.training.fit` warns of, and
    ``color_pos``, which fields of features warn of where atoms moved by more than 0.5 Å: call
    `tg_molfield.structures.with_color` after them. So do ``cell`` and vector attributes such as ``forces``, which no
    order mends, so do not use them on periodic molecules. ``Data.subgraph``
    cuts every attribute that has one row an atom, and these three too where Q happens to equal N.

    Args:
        mol_field: the definition of the field; by default ``MolField()``.
        num_queries: number of points per molecule, 512 by default; not for a sampler of fixed points, `GridSampler`.
        sampler: draws the points; by default `MixtureSampler`, half near the atoms and half in the box.
        seed: makes the points reproducible: the same sequence of calls gives the same points. In worker processes
            they also depend on the seed of the loader, so that workers do not repeat each other. By default torch's
            global generator is used. Of a molecule with ``draw_seed`` [1] int64, in a batch [B], the points are a
            function of that alone: the same in any batch, process and order.
        generator: a generator to draw from, instead of ``seed``.

    Raises:
        TypeError: ``mol_field`` is no `MolField`.
        ValueError: ``num_queries`` is less than 1 or given with fixed points, or both ``seed`` and ``generator`` are
            given.
    """

    def __init__(
        self,
        mol_field: MolField | None = None,
        num_queries: int | None = None,
        sampler: Sampler | None = None,
        seed: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if mol_field is not None and not isinstance(mol_field, MolField):
            raise TypeError(
                f"mol_field: expected a MolField, got {str(mol_field)[:40]!r}; give for example MolField('C N O')"
            )
        check_counts(1, num_queries=num_queries)
        if seed is not None:
            check_seed(seed)
        check_kind("sampler", sampler, Sampler | None, "a Sampler", "give for example UniformSampler()")
        check_generator(generator)
        if seed is not None and generator is not None:
            raise ValueError("seed: expected either seed or generator, got both; leave one out")
        self.mol_field = MolField() if mol_field is None else mol_field
        self.sampler = MixtureSampler() if sampler is None else sampler
        if self.sampler.has_fixed_points and num_queries is not None:
            raise ValueError(
                f"num_queries: expected None with {self.sampler!r}, a fixed set of points, got {num_queries}"
            )
        self.num_queries = _NUM_QUERIES if num_queries is None else int(num_queries)
        self.generator = torch.Generator().manual_seed(int(seed)) if seed is not None else generator
        self._worker: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        """With the state of the generator as bytes: torch cannot send one to a worker process that is spawned."""
        state = dict(vars(self))
        if self.generator is not None:
            state["generator"] = str(self.generator.device), bytes(self.generator.get_state().numpy())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["generator"] is not None:
            device, content = state["generator"]
            self.generator = torch.Generator(device)
            self.generator.set_state(torch.frombuffer(bytearray(content), dtype=torch.uint8))

    def forward(self, data: Any) -> Any:
        """Add the three attributes to one molecule, or to a ``Batch`` of molecules.

        Raises:
            TypeError: ``data`` is not a ``torch_geometric.data.Data``.
            ValueError: a molecule of a batch has no atoms, ``data.batch`` is set though it is no ``Batch``, or the
                field cannot be built from its atoms; see `MolField.__call__`.
        """
        if not isinstance(data, Data):
            raise TypeError(
                f"data: expected a torch_geometric.data.Data, got {type(data).__name__}; give Data(z=z, pos=pos)"
            )
        if not isinstance(data, Batch) and getattr(data, "batch", None) is not None:
            raise ValueError(
                "data: expected one molecule or a Batch, got a Data with batch; join molecules with "
                "Batch.from_data_list, or remove data.batch"
            )
        field = self.mol_field(data)
        points, molecules = self._drawn(data)
        if isinstance(data, Batch):
            values = field(points, molecules)
            add_separable(data, molecules, query_pos=points, query_batch=molecules, field=values)
        else:
            data.query_pos, data.query_batch, data.field = points, molecules, field(points)
        return data

    def _drawn(self, data: Data) -> tuple[Tensor, Tensor]:
        """The query points [Q, 3], and the molecule of each [Q]."""
        pos = data.pos.detach()
        counts = _atom_counts(data) if isinstance(data, Batch) else torch.full((1,), len(pos), device=pos.device)
        seeds = seeds_of(data, len(counts))
        if seeds is not None:
            return self.sampler.of_seeds(pos, counts, self.num_queries, seeds)
        if isinstance(data, Batch):
            return self.sampler.of_batch(pos, counts, self.num_queries, self._generator())
        points = self.sampler(pos, self.num_queries, self._generator())
        return points, torch.zeros(len(points), dtype=torch.long, device=points.device)

    def _generator(self) -> torch.Generator | None:
        worker = get_worker_info()
        if self.generator is not None and worker is not None and self._worker != worker.seed:
            self.generator.manual_seed((self.generator.initial_seed() + worker.seed) % 2**63)
            self._worker = worker.seed
        return self.generator

    def __repr__(self) -> str:
        seed = None if self.generator is None else self.generator.initial_seed()
        return (
            f"{type(self).__name__}({self.mol_field!r}, num_queries={self.num_queries}, "
            f"sampler={self.sampler!r}, seed={seed})"
        )


def _atom_counts(batch: Batch) -> Tensor:
    """Atoms of each molecule [B].

    Raises:
        ValueError: one has none.
    """
    counts = torch.zeros(batch.num_graphs, dtype=torch.long, device=batch.batch.device)
    counts.scatter_add_(0, batch.batch, torch.ones_like(batch.batch))
    if numbers_are_checked(counts) and not bool(counts.all()):
        empty = int((counts == 0).nonzero()[0])
        raise ValueError(f"data: expected atoms in every molecule, got none in molecule {empty}; leave it out")
    return counts
