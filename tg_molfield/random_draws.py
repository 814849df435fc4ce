"""Random numbers as functions of a seed: the same in any batch, process and order, and on any device.

They are counter-based: the n-th number of a seed is a mix of both by the finalizer of SplitMix64 (Steele, Lea and
Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), in integers that wrap around.
"""

from __future__ import annotations

import math
import zlib

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import check_kind
from tg_molfield.devices import widest_type

_GOLDEN = 0x9E3779B97F4A7C15
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_SHIFTS = (30, 27, 31)


def check_generator(generator: object) -> None:
    """Raise a TypeError unless ``generator`` is one of torch, or None."""
    kind = torch.Generator | None
    check_kind("generator", generator, kind, "a torch.Generator", "give for example torch.Generator().manual_seed(0)")


def draw_seeds(seed: int, epoch: int, items: Tensor) -> Tensor:
    """A seed [B] int64 for each of the ``items`` [B] int64 of a data set in an epoch."""
    return _mixed(items + _mixed(torch.tensor(epoch) + _mixed(torch.tensor(seed))).to(items.device))


def seeds_of(data: Data, num_graphs: int) -> Tensor | None:
    """``draw_seed`` [B] int64 of the molecules of ``data``; None where it has none.

    Raises:
        ValueError: it is something else.
    """
    seeds = getattr(data, "draw_seed", None)
    if seeds is not None and (
        not isinstance(seeds, Tensor) or seeds.dtype != torch.int64 or seeds.shape != (num_graphs,)
    ):
        got = f"{seeds.dtype} {list(seeds.shape)}" if isinstance(seeds, Tensor) else type(seeds).__name__
        raise ValueError(
            f"draw_seed: expected int64 [{num_graphs}], one number for each molecule, got {got}; give a tensor [1] to "
            "each Data"
        )
    return seeds


def uniform(seeds: Tensor, count: int, stream: str) -> Tensor:
    """``count`` numbers for each of the ``seeds`` [B] int64, uniform in [0, 1): [B, count] in the widest type.

    Args:
        seeds: of one molecule each.
        count: how many.
        stream: what they are for; numbers of different streams are independent.
    """
    if widest_type(seeds.device) != torch.float64:
        drawn = uniform(seeds.cpu(), count, stream).to(torch.float32)
        return drawn.clamp(max=1 - 2.0**-24).to(seeds.device)
    start = _mixed(seeds + zlib.crc32(stream.encode()))
    steps = torch.arange(1, count + 1, device=seeds.device) * _signed(_GOLDEN)
    return _shifted(_mixed(start[:, None] + steps), 11).double() * 2.0**-53


def normal(seeds: Tensor, count: int, stream: str) -> Tensor:
    """The same with standard normal numbers (Box and Muller 1958)."""
    if widest_type(seeds.device) != torch.float64:
        return normal(seeds.cpu(), count, stream).to(torch.float32).to(seeds.device)
    radius, angle = uniform(seeds, 2 * count, stream).view(len(seeds), 2, count).unbind(1)
    return (-2 * torch.log1p(-radius)).sqrt() * torch.cos(2 * math.pi * angle)


def _mixed(numbers: Tensor) -> Tensor:
    """Every bit of the result depends on every bit of an int64; one to one."""
    for shift, factor in zip(_SHIFTS, (*_FACTORS, None), strict=True):
        numbers = numbers ^ _shifted(numbers, shift)
        numbers = numbers if factor is None else numbers * _signed(factor)
    return numbers


def _shifted(numbers: Tensor, shift: int) -> Tensor:
    """Shifted to the right, with zeros from the left."""
    return (numbers >> shift) & (2 ** (64 - shift) - 1)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
