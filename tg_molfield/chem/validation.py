"""The one check of atoms, batch vectors and points, for fields, models, structures and paths.

- ``check_atoms(z, pos, batch=None, num_graphs=None, prefix="") -> (batch [N], num_graphs)``
- ``check_batch(name, batch, length, num_graphs, device) -> batch [length]``
- ``check_data(data)``
- ``holds_several(data) -> bool``; ``check_single(name, data, remedy)``
- ``all_finite(tensor) -> bool``
- ``check_real(name, value)``
- ``check_points(pos, batch, num_graphs, dtype, device, prefix="") -> batch [Q]``

Numbers are looked at where `numbers_are_checked` says so, types and shapes always. ``prefix`` is put before the names
in messages: ``prefix="data."`` gives ``data.z``, ``prefix="query_"`` gives ``query_pos``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.arguments import check_integers
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.elements import MAX_Z


def check_atoms(
    z: Tensor, pos: Tensor, batch: Tensor | None = None, num_graphs: int | None = None, prefix: str = ""
) -> tuple[Tensor, int]:
    """The molecule of each atom [N] and the number of molecules.

    Args:
        z: atomic numbers [N], integers from 1 to 118.
        pos: [N, 3] in Å.
        batch: molecule of each atom [N], int64 and sorted; one molecule if not given.
        num_graphs: the number of molecules, needed where the last ones have no atoms.
        prefix: of the argument names in messages.

    Raises:
        TypeError: ``z`` or ``pos`` is no tensor.
        ValueError: a tensor has another type, shape, device or content, or there are no atoms.
    """
    check_tensor(f"{prefix}z", z)
    check_tensor(f"{prefix}pos", pos)
    check_integers(**{f"{prefix}num_graphs": num_graphs})
    if z.ndim != 1 or z.dtype.is_floating_point or z.dtype.is_complex or z.dtype == torch.bool:
        remedy = "convert with .long()" if z.ndim == 1 else "give one atomic number an atom, no one-hot rows"
        raise ValueError(f"{prefix}z: expected integers of shape [N], got {_described(z)}; {remedy}")
    n = z.shape[0]
    if not pos.is_floating_point() or pos.shape != (n, 3):
        raise ValueError(f"{prefix}pos: expected floats of shape [{n}, 3], got {_described(pos)}; give positions in Å")
    if pos.device != z.device:
        raise ValueError(f"{prefix}pos: expected {z.device}, as for {prefix}z, got {pos.device}; move it with .to()")
    if not n:
        raise ValueError(f"{prefix}z: expected at least one atom, got none; leave the molecule out")
    if numbers_are_checked(z):
        _check_elements(z, prefix)
    if numbers_are_checked(pos) and not all_finite(pos):
        atom = int((~pos.isfinite().all(1)).nonzero()[0])
        raise ValueError(
            f"{prefix}pos: expected finite positions, got NaN or infinity for atom {atom}; repair it or leave it out"
        )
    if batch is None:
        if num_graphs is not None and num_graphs != 1:
            raise ValueError(
                f"{prefix}batch: expected the molecule of each atom for num_graphs={num_graphs}, got None; give it"
            )
        return torch.zeros(n, dtype=torch.long, device=pos.device), 1
    check_tensor(f"{prefix}batch", batch)
    if batch.dtype != torch.long or batch.shape != (n,):
        raise _unfit_batch(f"{prefix}batch", batch, n)
    if num_graphs is None:
        num_graphs = int(batch.max()) + 1
    return check_batch(f"{prefix}batch", batch, n, num_graphs, pos.device), num_graphs


def _check_elements(z: Tensor, prefix: str) -> None:
    least, most = z.aminmax()
    if int(least) < 1 or int(most) > MAX_Z:
        atom = int(((z < 1) | (z > MAX_Z)).nonzero()[0])
        raise ValueError(
            f"{prefix}z: expected atomic numbers from 1 to {MAX_Z}, got {int(z[atom])} for atom {atom}; "
            "name the element or leave the atom out"
        )


def check_data(data: object, name: str = "data") -> None:
    """Raise an error unless ``data`` holds the tensors ``z`` and ``pos``.

    Raises:
        TypeError: ``data`` is a list, a string or an array, or one of the two is something else than a tensor.
        ValueError: one of the two is missing.
    """
    for key in ("z", "pos"):
        value = getattr(data, key, None)
        if value is not None:
            check_tensor(f"{name}.{key}", value)
        elif isinstance(data, Tensor) or not hasattr(data, "__dict__"):
            raise TypeError(
                f"{name}: expected a Data with z [N] and pos [N, 3], got {type(data).__name__}; join several molecules "
                "with Batch.from_data_list"
            )
        else:
            raise ValueError(f"{name}.{key}: expected a tensor, got none; give atoms with z [N] and pos [N, 3]")


def holds_several(data: object) -> bool:
    """Whether the ``batch`` vector of ``data`` tells of more than one molecule."""
    batch = getattr(data, "batch", None)
    return isinstance(batch, Tensor) and bool((batch != batch[:1]).any())


def check_single(name: str, data: object, remedy: str) -> None:
    """Raise a TypeError where ``data`` holds several molecules by its ``batch`` vector."""
    if holds_several(data):
        raise TypeError(f"{name}: expected one molecule, got a batch of several; {remedy}")


def check_tensor(name: str, value: object) -> None:
    """Raise an error unless ``value`` is a tensor that holds numbers.

    Raises:
        TypeError: it is no tensor.
        ValueError: it is on the meta device.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}; convert it with torch.as_tensor")
    if value.is_meta:
        raise ValueError(f"{name}: expected numbers, got a tensor on the meta device; put it on the CPU or a GPU")


def check_real(name: str, value: object) -> None:
    """Raise a ValueError for tensors and arrays of complex numbers."""
    if "complex" in str(getattr(value, "dtype", "")):
        raise ValueError(f"{name}: expected real numbers, got complex ones; take the real part")


def check_positions(name: str, pos: Tensor) -> None:
    """Raise an error unless ``pos`` holds points [Q, 3] in a floating-point type.

    Raises:
        TypeError: it is no tensor.
        ValueError: a wrong shape or type.
    """
    _check_rows(name, pos)
    if not pos.is_floating_point():
        raise ValueError(f"{name}: expected floats, got {pos.dtype}; convert with .float()")


def _check_rows(name: str, pos: Tensor) -> None:
    check_tensor(name, pos)
    if pos.ndim != 2 or pos.shape[1] != 3:
        raise ValueError(f"{name}: expected points of shape [Q, 3], got {list(pos.shape)}; give one row a point")


def check_points(
    pos: Tensor, batch: Tensor | None, num_graphs: int, dtype: torch.dtype, device: torch.device, prefix: str = ""
) -> Tensor:
    """The molecule of each point [Q].

    Args:
        pos: [Q, 3] in Å.
        batch: molecule of each point [Q], int64 and sorted; needed where ``num_graphs`` is not 1.
        num_graphs: the number of molecules.
        dtype: the type that ``pos`` must have.
        device: where ``pos`` must be.
        prefix: of the argument names in messages.

    Raises:
        TypeError: ``pos`` is no tensor.
        ValueError: a wrong shape, type, device or batch vector.
    """
    _check_rows(f"{prefix}pos", pos)
    if pos.dtype != dtype:
        raise ValueError(f"{prefix}pos: expected {dtype}, got {pos.dtype}; convert it with .to(dtype)")
    if pos.device != device:
        raise ValueError(f"{prefix}pos: expected {device}, got {pos.device}; move it with .to(device)")
    if batch is None:
        if num_graphs != 1:
            raise ValueError(
                f"{prefix}batch: expected which of {num_graphs} molecules each point belongs to, got None; give [Q]"
            )
        return torch.zeros(len(pos), dtype=torch.long, device=device)
    return check_batch(f"{prefix}batch", batch, len(pos), num_graphs, device)


def check_batch(name: str, batch: Tensor, length: int, num_graphs: int, device: torch.device) -> Tensor:
    """The vector ``batch`` [length] itself, if it is int64 and, where numbers are checked, sorted and in range.

    Raises:
        ValueError: it is not.
    """
    check_tensor(name, batch)
    if batch.dtype != torch.long or batch.shape != (length,):
        raise _unfit_batch(name, batch, length)
    if batch.device != device:
        raise ValueError(f"{name}: expected {device}, got {batch.device}; move it with .to(device)")
    if not length or not numbers_are_checked(batch):
        return batch
    if (batch[1:] < batch[:-1]).any():
        raise ValueError(f"{name}: expected a sorted vector, got one that decreases; sort the rows by it")
    if int(batch[0]) < 0 or int(batch[-1]) >= num_graphs:
        low, high = int(batch[0]), int(batch[-1])
        raise ValueError(
            f"{name}: expected values from 0 to {num_graphs - 1}, got {low} to {high}; count molecules from 0"
        )
    return batch


def _unfit_batch(name: str, batch: Tensor, length: int) -> ValueError:
    return ValueError(f"{name}: expected int64 of shape [{length}], got {_described(batch)}; give one entry a row")


def all_finite(tensor: Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity."""
    return math.isfinite(float(tensor.detach().sum())) or bool(tensor.isfinite().all())


def _described(tensor: Tensor) -> str:
    return f"{tensor.dtype} of {list(tensor.shape)}"
