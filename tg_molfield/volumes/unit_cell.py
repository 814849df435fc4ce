"""The whole unit cell from a CCP4 map of part of it, by the symmetry of its space group."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.memory import check_fits
from tg_molfield.volumes.ccp4 import first_node, read_nodes
from tg_molfield.volumes.ccp4_header import HEADER, Header, cell_vectors, read_header
from tg_molfield.volumes.comments import parse_comment
from tg_molfield.volumes.volume_data import VolumeData

if TYPE_CHECKING:
    import gemmi

_WHOLE = 1e-3
_SAME = 0.1
"""Times the standard deviation: values at equivalent nodes that differ by more contradict the symmetry."""


def decode_cell(path: Path, content: bytes) -> VolumeData:
    """The periodic volume of the whole cell, from a map that covers at least its asymmetric unit.

    The operators are those listed in the extended header or, if none are, those of the space group's number in its
    reference setting.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the header is damaged, the nodes of the map are not mapped onto each other by the symmetry, or the
            map leaves nodes of the cell empty.
        MemoryError: the cell does not fit in memory.
    """
    header = read_header(path, content)
    words = header.words
    values, notes = read_nodes(path, content, header)
    counts = words["intervals"].astype(np.int64)
    axes = cell_vectors(words["cell"], words["angles"]) / counts[:, None]
    origin, doubts = first_node(path, header, axes)
    operators = _operators(path, content, header)
    steps = origin @ np.linalg.pinv(axes)
    start, shape = np.rint(steps), "×".join(map(str, counts))
    if np.abs(start).max() >= 2**31:
        raise ValueError(
            f"{path}: expand: expected a first node within 2^31 steps from the cell's origin, got "
            f"{np.abs(start).max():.3g}; read it without expand"
        )
    if len(operators) > 1 and np.abs(steps - start).max() > _WHOLE:
        raise ValueError(
            f"{path}: expand: expected a first node at whole steps from the cell's origin, as symmetry needs, got "
            f"{np.round(steps, 3).tolist()} steps; read it without expand"
        )
    check_fits(str(path), f"the {shape} nodes of its cell", 8 * math.prod(counts.tolist()), "read it without expand")
    full = np.full((len(values), math.prod(counts.tolist())), np.nan, np.float32)
    apart = 0.0
    for operator in operators:
        apart = max(apart, _place(path, operator, values, start.astype(np.int64), counts, full))
    empty = int(np.isnan(full[0]).sum())
    if empty:
        raise ValueError(
            f"{path}: expand: expected a map that covers the asymmetric unit of its cell, got one that with its "
            f"{len(operators)} operators leaves {empty} of {full.shape[1]} nodes ({empty / full.shape[1]:.2%}) empty; "
            "read it without expand"
        )
    if apart and apart > _SAME * float(full[np.isfinite(full)].std(dtype=np.float64)):
        notes += (f"the values at equivalent nodes differ by up to {apart:.3g}; the first in the file were used",)
    channels, _ = parse_comment(words["labels"].tobytes().decode("latin-1").rstrip(" \0"), len(values))
    return VolumeData(
        values=full.reshape(-1, *counts),
        origin=(steps - start) @ axes if len(operators) == 1 else np.zeros(3),
        axes=axes,
        channels=channels,
        periodic=(True, True, True),
        notes=header.notes + notes + doubts,
    )


def _operators(path: Path, content: bytes, header: Header) -> list[gemmi.Op]:
    import gemmi

    size = int(header.words["extra_bytes"])
    extension = content[HEADER.itemsize : HEADER.itemsize + size].decode("latin-1")
    lines = [extension[i : i + 80].strip(" \0") for i in range(0, size, 80)]
    try:
        listed = [gemmi.Op(line) for line in lines if line]
    except (RuntimeError, ValueError):
        listed = []  # another kind of extended header
    identity = gemmi.Op()
    if listed:
        return [identity, *(operator for operator in listed if operator != identity)]
    group = gemmi.find_spacegroup_by_number(max(1, int(header.words["space_group"])))
    if group is None:
        raise ValueError(
            f"{path}: expand: expected a known space group, got number {int(header.words['space_group'])}; read it "
            "without expand"
        )
    return [identity, *(operator for operator in group.operations() if operator != identity)]


def _place(
    path: Path, operator: gemmi.Op, values: np.ndarray, start: np.ndarray, counts: np.ndarray, full: np.ndarray
) -> float:
    """Put ``values`` where ``operator`` moves them, unless something is there; by how much the two differ then."""
    turn = np.array(operator.rot, np.int64) // operator.DEN
    by_steps, shift = turn * counts[:, None], np.array(operator.tran, np.int64) * counts
    if (by_steps % counts).any() or (shift % operator.DEN).any():
        raise ValueError(
            f"{path}: expand: expected numbers of intervals that the operator {operator.triplet()} maps onto each "
            f"other, got {counts.tolist()}; read it without expand"
        )
    turn, shift = by_steps // counts, shift // operator.DEN
    i, j, k = (begin + np.arange(n) for begin, n in zip(start, values.shape[1:], strict=True))
    apart = 0.0
    for x, plane in zip(i, values.swapaxes(0, 1), strict=True):
        nodes = turn[:, :1, None] * x + turn[:, 1:2, None] * j[:, None] + turn[:, 2:, None] * k
        places = np.ravel_multi_index(tuple((nodes + shift[:, None, None]) % counts[:, None, None]), tuple(counts))
        found = full[:, places]
        free = np.isnan(found)
        both = np.isfinite(found) & np.isfinite(plane)
        apart = max(apart, float(np.abs(found[both].astype(np.float64) - plane[both]).max(initial=0)))
        full[:, places] = np.where(free, plane, found)
    return apart
