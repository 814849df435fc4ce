"""Any encoder of atoms, called in the one way that models need."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tg_molfield.nn.encoders.painn import PaiNNEncoder


def encoded_atoms(
    encoder: nn.Module, z: Tensor, pos: Tensor, batch: Tensor, properties: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Scalars ``[N, F]`` and, where the encoder has them, vectors ``[N, V, 3]`` and tensors ``[N, T, 3, 3]``.

    Args:
        encoder: an `PaiNNEncoder`, or another module that gives ``[N, F]`` for ``(z, pos, batch)``.
        z: ``[N]`` int64 atomic numbers.
        pos: ``[N, 3]`` Å.
        batch: ``[N]`` int64, sorted.
        properties: ``[N, P]``, if the model reads any: for an `PaiNNEncoder` that takes them, otherwise put after the
            scalars.
    """
    vectors, tensors = None, None
    if isinstance(encoder, PaiNNEncoder):
        taken = properties if encoder.num_properties else None
        scalars, vectors, tensors = encoder.scalars_vectors_tensors(z, pos, batch, taken)
        vectors = vectors if len(encoder.layers) else None
        tensors = tensors if len(encoder.tensor_layers) else None
        properties = None if encoder.num_properties else properties
    else:
        scalars = encoder(z, pos, batch)
    if properties is not None:
        scalars = torch.cat([scalars, properties], dim=1)
    return scalars, vectors, tensors


def encoded_sizes(encoder: nn.Module, num_properties: int) -> tuple[int, int, int]:
    """The numbers of scalars, vectors and tensors per atom that `encoded_atoms` gives.

    Raises:
        ValueError: ``encoder`` is no module, reads another number of properties, or does not give ``[N, F]``.
    """
    if isinstance(encoder, PaiNNEncoder):
        if encoder.num_properties not in (0, num_properties):
            raise ValueError(
                f"encoder reads {encoder.num_properties} properties, the model {num_properties}: give properties as "
                "many names as the encoder's num_properties"
            )
        vectors = encoder.vector_channels if len(encoder.layers) else 0
        tensors = encoder.tensor_channels if len(encoder.tensor_layers) else 0
        return encoder.out_channels + num_properties - encoder.num_properties, vectors, tensors
    return _probe(encoder) + num_properties, 0, 0


def _probe(encoder: nn.Module) -> int:
    if not isinstance(encoder, nn.Module):
        raise ValueError(f"encoder={encoder!r}: give a module, not its class")
    like = next(encoder.parameters(), torch.zeros(()))
    z = torch.ones(2, dtype=torch.int64, device=like.device)
    pos = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]], dtype=like.dtype, device=like.device)
    training = encoder.training
    with torch.no_grad():
        features = encoder.eval()(z, pos, torch.zeros_like(z))
    encoder.train(training)
    if not isinstance(features, Tensor) or features.dim() != 2 or features.size(0) != 2:
        raise ValueError(f"encoder gives {getattr(features, 'shape', features)} for two atoms: it must give [N, F]")
    return features.size(1)
