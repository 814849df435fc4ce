"""`MoleculeEmbedder`: the method by which a model encodes any number of molecules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.chem.atoms import AtomList
from tg_molfield.nn.checks import atoms_of_data
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.domain import Domain
from tg_molfield.nn.embedding.embed import Embeddings, embed
from tg_molfield.nn.embedding.encodable import Encodable, converted, joined
from tg_molfield.nn.evaluation import evaluating
from tg_molfield.nn.latent.latent import Latent


class MoleculeEmbedder(nn.Module):
    """Codes of data sets. It needs ``decoder``, ``domain``, ``properties``, and what checks and encodes atoms."""

    decoder: Decoder
    domain: Domain
    properties: tuple[str, ...]

    if TYPE_CHECKING:

        def _atoms(self, *arguments: Any) -> tuple[AtomList, int, Tensor | None]: ...

        def _encode(self, *arguments: Any, **options: Any) -> Latent: ...

    def embed(
        self,
        molecules: Data | Iterable[Data],
        batch_size: int = 256,
        *,
        errors: str = "raise",
        progress: Callable[[int, int | None], None] | None = None,
        workers: int = 0,
        cluster: Any = None,
    ) -> Embeddings:
        """The codes of any number of molecules, as in evaluation and without gradients.

        Batches are also bounded by their atoms, so large molecules need no smaller ``batch_size``. The mode of the
        model, training or evaluation, is left as it was.

        Args:
            molecules: a list, a PyG data set, any other iterable of `Data`, or a `Batch`, with ``z``, ``pos`` and the
                model's properties; in any floating type and on any device.
            batch_size: the most molecules that are encoded at once.
            errors: ``"raise"`` stops at the first molecule that has no code; ``"skip"`` leaves such molecules out and
                tells why.
            progress: called after every batch with the number of molecules done and that of all, None if not known.
            workers: processes that encode, each with one thread on the processor; by default this process does, on the
                device of the model. A script that uses them begins its work under ``if __name__ == "__main__":``.
            cluster: a Dask cluster that does it instead: the address of its scheduler, as in ``"tcp://host:8786"``, or
                a ``distributed.Client``. Needs the extra ``cluster``.

        Raises:
            TypeError: something is no molecule.
            ValueError: a molecule cannot be encoded; the message gives its index.
            ChildProcessError: worker processes ended by themselves.
            ConnectionError: the scheduler of the cluster cannot be reached, or not any more.

        Warns:
            OutOfDomainWarning: a trained model has not seen molecules of this kind; one warning for each reason.
        """
        with evaluating(self), torch.no_grad():
            model = deepcopy(self).cpu() if workers or cluster is not None else self
            options = (batch_size, errors, progress, workers, cluster)
            return embed(molecules, model._molecule, model._codes, *options)

    def _molecule(self, data: Data) -> Encodable:
        """The atoms of one molecule, checked, where and in the type that the model takes."""
        z, pos, _, _, properties = atoms_of_data(data, self.properties)
        z, pos, properties = converted(z, pos, properties, next(self.parameters()))
        atoms, _, properties = self._atoms(z, pos, None, None, properties)
        return Encodable(atoms.z, atoms.pos, properties, self.domain.reasons(atoms.z, atoms.pos))

    def _codes(self, molecules: Sequence[Encodable]) -> tuple[Tensor, Tensor]:
        """``[B, D]`` and ``[B, summary_channels]``."""
        if not molecules:
            like = next(self.parameters())
            return like.new_zeros(0, self.decoder.latent_dim), like.new_zeros(0, self.decoder.summary_channels)
        atoms, properties = joined(molecules)
        latent = self._encode(atoms, len(molecules), properties, randomised=False)
        return latent.code, latent.summary
