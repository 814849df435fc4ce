"""Unit cells and periodic directions as people store them: tensors, arrays or lists, collated or not.

PyG concatenates attributes along their first axis, so that cells [3, 3] of B molecules become [3B, 3] and ``pbc`` [3]
becomes [3B]; lists and arrays become lists of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tg_molfield.chem.validation import check_real, check_tensor
from tg_molfield.precision import widened


def as_cells(cell: Any, num_graphs: int) -> Tensor:
    """The cells [B, 3, 3] in Å of B = ``num_graphs`` molecules, one vector a row; gradients are kept.

    Args:
        cell: numbers of shape [B, 3, 3], [3B, 3] or, of one molecule, [3, 3].
        num_graphs: the number of molecules.

    Raises:
        ValueError: it holds no numbers, or has another shape.
    """
    cells = _as_tensor("cell", cell)
    if cells.ndim < 2 or cells.shape[-1] != 3 or cells.numel() != 9 * num_graphs:
        raise ValueError(
            f"cell: expected shape [{num_graphs}, 3, 3], got {list(cells.shape)}; give one cell a molecule, with one "
            "vector a row"
        )
    return cells.reshape(num_graphs, 3, 3)


def as_pbc(pbc: Any, num_graphs: int) -> Tensor:
    """The periodic directions [B, 3], bool, of B = ``num_graphs`` molecules.

    Args:
        pbc: truth values or 0 and 1 of shape [B, 3], [3B] or, of one molecule, [3]; or one for all directions of a
            molecule, [B].
        num_graphs: the number of molecules.

    Raises:
        ValueError: it holds other values, or has another shape.
    """
    flags = _as_tensor("pbc", pbc)
    if not bool(((flags == 0) | (flags == 1)).all()):
        raise ValueError("pbc: expected truth values, got other numbers; give True where a direction is periodic")
    flags = flags.bool()
    if flags.numel() == 3 * num_graphs and (flags.ndim <= 1 or flags.shape[-1] == 3):
        return flags.reshape(num_graphs, 3)
    same = flags.numel() > 0 and bool((flags == flags.flatten()[0]).all())
    if flags.numel() == num_graphs and flags.ndim <= 1 and (num_graphs != 3 or same):
        return flags.reshape(num_graphs, 1).expand(num_graphs, 3)
    raise ValueError(
        f"pbc: expected shape [{num_graphs}, 3], got {list(flags.shape)}; give three truth values a molecule"
    )


def is_periodic(pbc: Any) -> bool:
    """Whether any direction is periodic; ``pbc`` as for `as_pbc`, or None."""
    return pbc is not None and bool(_as_tensor("pbc", pbc).any())


def pbc_of(data: Any) -> Any:
    """``data.pbc``; all directions where ``data`` has a cell alone, and None where it has neither."""
    pbc = getattr(data, "pbc", None)
    return (
        torch.ones(3, dtype=torch.bool, device="cpu")
        if pbc is None and getattr(data, "cell", None) is not None
        else pbc
    )


def complete_cell(cell: Tensor, pbc: Tensor) -> Tensor:
    """`complete_cells` of one cell [3, 3] with periodic directions [3]."""
    return complete_cells(cell[None], pbc[None])[0]


def complete_cells(cells: Tensor, pbc: Tensor) -> Tensor:
    """The cells [B, 3, 3] with the vectors of directions that are not periodic replaced by unit normals.

    They are looked at on the host: a device is waited for as often for one cell as for many.

    Raises:
        ValueError: the periodic vectors of a cell are not finite, or do not span a line, a plane or space.
    """
    spanned, repeats = torch.where(pbc.unsqueeze(2), cells, 0).detach().cpu(), pbc.cpu()
    finite = spanned.isfinite().all(2).all(1)
    if not finite.all():
        wrong = int((~finite).nonzero()[0])
        raise ValueError(f"cell: expected finite periodic vectors, got {cells[wrong].tolist()}; repair them")
    _, sizes, right = torch.linalg.svd(widened(spanned))
    number = repeats.sum(1, keepdim=True)
    least = sizes.gather(1, (number - 1).clamp_min(0))[:, 0]
    flat = (number[:, 0] > 0) & ((least <= 1e-6 * sizes[:, 0]) | (sizes[:, 0] == 0))
    if flat.any():
        wrong = int(flat.nonzero()[0])
        raise ValueError(
            f"cell: expected independent periodic vectors (pbc={pbc[wrong].tolist()}), got {cells[wrong].tolist()}; "
            "correct them"
        )
    place = (number + (~repeats).cumsum(1) - 1).clamp_max(2)
    normals = right.gather(1, place.unsqueeze(2).expand(-1, -1, 3))
    normals = torch.where(number.unsqueeze(2) > 0, normals, torch.eye(3).to(normals))
    return torch.where(pbc.unsqueeze(2), cells, normals.to(cells))


def inverse_cell(cell: Tensor) -> Tensor:
    """The inverse of complete cells [..., 3, 3], without gradients, in their type."""
    return torch.linalg.inv_ex(widened(cell.detach())).inverse.to(cell)


def box_vectors(cell: Tensor, pbc: Tensor) -> tuple[Tensor, Tensor]:
    """The vectors [3, 3] of a cell, and which of them it gives [3]; others are unit vectors at right angles to these.

    Args:
        cell: [3, 3] in Å, rows are vectors; those of directions that are not periodic may be 0.
        pbc: which directions are periodic [3], bool.

    Raises:
        ValueError: as for `complete_cell`.
    """
    complete_cell(cell, pbc)
    vectors, given = torch.zeros_like(cell), torch.zeros_like(pbc)
    for axis in sorted(range(3), key=lambda axis: not pbc[axis]):
        if _are_independent(torch.stack([*vectors[given], cell[axis]])):
            vectors[axis], given[axis] = cell[axis], True
    for axis in (~given).nonzero().flatten().tolist():
        vectors[axis] = _unit_normal(axis, vectors[(axis + 1) % 3], vectors[(axis + 2) % 3])
    return vectors, given


def _are_independent(vectors: Tensor) -> bool:
    lengths = vectors.norm(dim=1, keepdim=True)
    if not bool(vectors.isfinite().all() and (lengths > 0).all()):
        return False
    return float(torch.linalg.svdvals(vectors / lengths).min()) > 1e-6


def _unit_normal(axis: int, following: Tensor, last: Tensor) -> Tensor:
    """The normal of two vectors, or of one where the other is 0: then as near to a Cartesian axis as it can be."""
    normal = torch.linalg.cross(following, last)
    if not bool(normal.any()):
        along = following + last
        flat = [unit - (unit @ along) / (along @ along) * along for unit in torch.eye(3).to(along).roll(-axis, 0)]
        normal = next(one for one in flat if float(one.norm()) > 0.5)
    return normal / normal.norm()


def _as_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        check_tensor(name, value)
        check_real(name, value)
        return value
    if isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
        return torch.stack([_as_tensor(name, item) for item in value])
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name}: expected a tensor of numbers, got {type(value).__name__}; convert data.{name} with "
            "torch.as_tensor"
        )
    return torch.as_tensor(array.copy())
