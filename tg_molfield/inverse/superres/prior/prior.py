"""The trained network applied to samples: the field on a fine lattice."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from tg_molfield.inverse.superres.prior.inputs import CHANNELS, NUM_INPUTS, Known, fine_lines, prior_inputs
from tg_molfield.inverse.superres.prior.network import CorrectionNetwork
from tg_molfield.tensor_files import read_object, with_memory, write_object

WEIGHTS = Path(__file__).with_name("protein.safetensors")
SPACINGS = (1.5, 4.6)
"""The spacings of samples in Å that the network was trained on."""

_KIND = "CorrectionNetwork"
_BLOCK = 112
_OVERLAP = 12
_MARGIN = 6
_EMPTY = 1e-3


def corrected(
    values: Tensor,
    steps: Tensor,
    known: tuple[Known | None, Known | None] = (None, None),
    left_out: tuple[int, int, int] | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """The most likely field of proteins behind samples of carbon, nitrogen and all atoms.

    Args:
        values: the samples [3, nx, ny, nz], float64.
        steps: of their grid [3] in Å.
        known: the functions of carbon and nitrogen, where they are known.
        left_out: the first of the nodes, of which every third one is, whose values were estimated.

    Returns:
        The field [3, X, Y, Z] on a lattice, and the lattice's coordinates along each axis in Å from the first node.
    """
    lines = fine_lines(tuple(values.shape[1:]), steps)
    inputs = prior_inputs(values, steps, lines, known, left_out)
    outputs = torch.zeros_like(inputs.base)
    occupied = _occupied(inputs.base)
    outputs[occupied] = _outputs(network(), inputs.features[occupied])
    return inputs.base + inputs.units[:, None, None, None] * outputs, lines


def _occupied(base: Tensor) -> tuple[slice, slice, slice, slice]:
    """The box around all that is not empty, with a margin, of even sides."""
    strength = (base.abs() / base.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-300)).amax(0)
    spans = [slice(None)]
    for axis, count in enumerate(strength.shape):
        others = [i for i in range(3) if i != axis]
        filled = (strength.amax(others) > _EMPTY).nonzero()[:, 0]
        first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (0, 0)
        start, stop = max(first - _MARGIN, 0) // 2 * 2, min(last + _MARGIN + 1, count)
        spans.append(slice(start, min(stop + (stop - start) % 2, count)))
    return spans[0], spans[1], spans[2], spans[3]


@lru_cache(maxsize=1)
def network() -> CorrectionNetwork:
    """The shipped network."""
    return load_network(WEIGHTS)


def load_network(path: Path) -> CorrectionNetwork:
    """A network that `save_network` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else.
    """
    parameters, tensors = read_object(path, _KIND)
    with with_memory():
        found = CorrectionNetwork(NUM_INPUTS, len(CHANNELS), **parameters["options"])
    found.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return found.requires_grad_(False).eval()


def save_network(path: Path, trained: CorrectionNetwork, options: dict[str, object], facts: dict[str, object]) -> None:
    """Write a network in half precision.

    Args:
        path: the file.
        trained: the network.
        options: those it was made with.
        facts: about its training, kept beside it.
    """
    tensors = {name: tensor.half() for name, tensor in trained.state_dict().items()}
    write_object(path, _KIND, {"options": options, **facts}, tensors)


@torch.no_grad()
def _outputs(model: CorrectionNetwork, features: Tensor) -> Tensor:
    """The network's outputs [3, X, Y, Z], block by block; each block sees its surroundings."""
    shape = features.shape[1:]
    total = torch.zeros(len(CHANNELS), *shape, dtype=torch.float64)
    for starts in product(*(range(0, count, _BLOCK) for count in shape)):
        spans = [(start, min(start + _BLOCK, count)) for start, count in zip(starts, shape, strict=True)]
        wide = [(max(a - _OVERLAP, 0), min(b + _OVERLAP, count)) for (a, b), count in zip(spans, shape, strict=True)]
        outer = tuple(slice(a, b) for a, b in wide)
        part = model(features[(slice(None), *outer)][None].contiguous(memory_format=torch.channels_last_3d))[0]
        inner = tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(spans, wide, strict=True))
        total[(slice(None), *(slice(a, b) for a, b in spans))] = part[(slice(None), *inner)].double()
    return total
