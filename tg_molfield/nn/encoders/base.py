"""The interface of encoders, and the adapters that give it to other modules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.chem.validation import check_atoms
from tg_molfield.nn.encoders.invariance import warn_of_dependence
from tg_molfield.nn.evaluation import evaluating
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.ops.compilable import Compilable


class AtomEncoder(Compilable, ABC):
    """A map from atoms to features of each atom.

    Scalars do not change when a molecule moves, vectors and tensors rotate with it, see `AtomFeatures`. To write one,
    set ``sizes`` and implement :meth:`forward`; `chem.validation.check_atoms` fills in ``batch`` and ``num_graphs``.

    Attributes:
        sizes: how many scalars, vectors and tensors an atom gets.
        num_properties: the number P of per-atom properties that it reads.
    """

    sizes: FeatureSizes
    num_properties: int = 0

    @abstractmethod
    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """The features of N atoms in B molecules.

        Args:
            z: ``[N]`` int64 atomic numbers.
            pos: ``[N, 3]`` Å.
            batch: ``[N]`` int64, sorted; one molecule if None.
            num_graphs: B; the last number in ``batch`` and 1 if None.
            properties: ``[N, P]``, of the type of ``pos``; None where P is 0.

        Raises:
            ValueError: an argument is not as described.
        """


class ElementsOnly(AtomEncoder):
    """Atoms without features, for poolings that read elements and positions alone."""

    sizes = FeatureSizes()

    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """See :meth:`AtomEncoder.forward`."""
        batch, num_graphs = check_atoms(z, pos, batch, num_graphs)
        return AtomFeatures.of_scalars(z, pos, batch, num_graphs, pos.new_zeros(len(z), 0))


class ScalarEncoder(AtomEncoder):
    """Any module ``(z, pos, batch) -> [N, F]`` of invariant features, as an `AtomEncoder`.

    Args:
        module: the module; its parameters are used, not copied.

    Raises:
        ValueError: ``module`` is no module, or does not give ``[N, F]``.

    Warns:
        EncoderWarning: its features depend on more than the molecule.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.sizes = FeatureSizes(_num_scalars(module))
        self.module = module

    def reset_parameters(self) -> None:
        """Draw the parameters of the module anew."""
        reset(self.module)

    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """See :meth:`AtomEncoder.forward`."""
        batch, num_graphs = check_atoms(z, pos, batch, num_graphs)
        return AtomFeatures.of_scalars(z, pos, batch, num_graphs, self.module(z, pos, batch))


class AppendProperties(AtomEncoder):
    """An encoder that reads no properties, with P properties appended to its scalars.

    Args:
        encoder: the encoder.
        num_properties: P.
    """

    def __init__(self, encoder: AtomEncoder, num_properties: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_properties = num_properties
        self.sizes = encoder.sizes._replace(scalars=encoder.sizes.scalars + num_properties)

    def reset_parameters(self) -> None:
        """Draw the parameters of the encoder anew."""
        reset(self.encoder)

    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """See :meth:`AtomEncoder.forward`."""
        atoms = self.encoder(z, pos, batch, num_graphs)
        if properties is None:
            raise ValueError(f"properties: expected floats of shape [N, {self.num_properties}], got None; give them")
        return replace(atoms, scalars=torch.cat([atoms.scalars, properties], dim=1))


def _num_scalars(module: nn.Module) -> int:
    """F, found by encoding H₂."""
    if not isinstance(module, nn.Module):
        raise ValueError(f"encoder: expected a module, got {module!r}; call the class to make one")
    like = next(module.parameters(), torch.zeros(()))
    z = torch.ones(2, dtype=torch.int64, device=like.device)
    pos = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]], dtype=like.dtype, device=like.device)
    with evaluating(module), torch.no_grad():
        features = module(z, pos, torch.zeros_like(z))
    if not isinstance(features, Tensor) or features.dim() != 2 or features.size(0) != 2:
        got = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"encoder: expected features [2, F] of two atoms, got {got}; return one row for each atom")
    warn_of_dependence(module, like)
    return features.size(1)
