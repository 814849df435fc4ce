"""Definitions, grids and fields in a notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions, principal_axes
from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import Picture, card, numbers_of
from tg_molfield.display.curve import curve
from tg_molfield.display.thumbnail import is_signed, thumbnail
from tg_molfield.fields.units import unit_of

_WIDTHS = 4
_PIXELS, _FEWEST_PIXELS = 48, 20
"""Along the longer side of a plane, fewer for large fields."""

_MARGIN = 2.5
_MOST_PAIRS = 10**7
"""Pairs of points and centres that are evaluated for a picture, a fraction of a second."""

_MOST_CHANNELS = 6
_MOST_VALUES = 2**21
"""Values of a volume that a card looks at."""

_MOST_NODES = 120
_MOST_ATOMS = 10_000


def definition_card(definition: Any) -> str:
    """The card of a `MolField`."""
    units = {name: unit_of(definition, name) for name in definition.channels}
    named = [f"{name} ({unit})" if unit else name for name, unit in units.items()]
    factors = definition.form_factors
    smooth = definition.aggregate in ("distance", "displacement")
    kernel = None if smooth or factors is not None else definition.kernel
    facts = {
        "channels": ", ".join(named),
        "formula": _formula(definition),
        "kernel": kernel and f"{kernel.name}: {(kernel.__doc__ or '').partition('.')[0]}",
        "Gaussians": factors,
        "widths": "" if factors is not None else _widths(definition),
        "order": definition.order if definition.order > 1 else None,
        "parts": "ligand and protein apart" if definition.split_parts else None,
        "normalized": definition.normalize_grid_size and f"each channel, on {definition.normalize_grid_size}³ nodes",
        "reads": ", ".join(["z", "pos", *sorted(definition.attributes)]),
    }
    pictures = [_profile(kernel)] if kernel else []
    return card("MolField", facts, pictures)


def _widths(definition: Any) -> str:
    """Those of the definition, and of channels that have their own."""
    named: dict[str, list[str]] = {}
    for channel in definition.specification:
        if channel.width is not None:
            named.setdefault(f"{channel.width} × {channel.width_scale:g}", []).append(channel.name)
    own = [f"{width} of {', '.join(names)}" for width, names in named.items()]
    is_shared = any(channel.width is None for channel in definition.specification)
    return "; ".join([f"{definition.widths} × {definition.width_scale:g}"] * is_shared + own)


def _formula(definition: Any) -> str:
    return {
        "sum": "Σ w φ(|x − r| / σ)",
        "union": "1 − Π (1 − φ(|x − r| / σ))^w",
        "maximum": "max w φ(|x − r| / σ)",
        "distance": "signed distance to the nearest sphere of radius σ, in Å",
        "displacement": "vector to the nearest atom, in Å",
    }[definition.aggregate]


def kernel_card(kernel: Any) -> str:
    """The card of a `Kernel`: its values against the distance from the centre."""
    facts = {"kernel": (kernel.__doc__ or "").partition(".")[0], "made by": repr(kernel)}
    return card("Kernel", facts, [_profile(kernel)])


def _profile(kernel: Any) -> Picture:
    """φ against u = d/σ."""
    u = torch.linspace(0, _WIDTHS, 81, dtype=torch.float64)
    values = kernel.value(u.square()).detach().tolist()
    last = f"{values[-1]:.2g}".replace("-", "−")
    return Picture(curve(values), f"φ from {values[0]:.3g} at the centre to {last} at {_WIDTHS} widths")


def grid_card(grid: Any) -> str:
    """The card of a `Grid`."""
    axes = grid.axes_tensor()
    lengths = axes.norm(dim=1)
    unit = axes / lengths[:, None]
    angles = [
        math.degrees(math.acos(max(-1.0, min(1.0, float(unit[a] @ unit[b]))))) for a, b in ((1, 2), (0, 2), (0, 1))
    ]
    last = grid.origin_tensor() + (axes * (torch.tensor(grid.shape) - 1)[:, None]).sum(0)
    facts = {
        "nodes": f"{_by(grid.shape)} = {grid.num_nodes:,}",
        "steps": f"{', '.join(f'{length:.4g}' for length in lengths.tolist())} Å",
        "angles": None if grid.is_orthogonal else f"{', '.join(f'{angle:.4g}' for angle in angles)}°",
        "first node": f"{_vector(grid.origin)} Å",
        "last node": f"{_vector(last.tolist())} Å",
        "volume per node": f"{grid.voxel_volume:.4g} Å³",
    }
    return card("Grid", facts)


def field_card(field: Any, facts: Mapping[str, object] | None = None) -> str:
    """The card of a `Field`, with pictures where it is quick to evaluate.

    Args:
        field: the field.
        facts: what its class tells, above the others.
    """
    atoms = field.atoms
    several = field.num_graphs != 1
    told = {
        **(facts or {}),
        "channels": ", ".join(_with_unit(field, name) for name in field.channels),
        "molecules": field.num_graphs if several else None,
        "atoms": None if atoms is None else f"{len(atoms.z):,}",
        "definition": field.mol_field and repr(field.mol_field),
        "numbers": numbers_of(field),
    }
    pictures = [] if several else [*atoms_picture(atoms), *_on_plane(field)]
    return card(type(field).__name__, told, pictures)


def volume_card(volume: Any) -> str:
    """The card of a `Volume`: projections, and the range of each channel."""
    grid, every = volume.grid, _stride(volume)
    seen = volume.values.detach()[:, ::every, ::every, ::every].cpu().double().numpy()
    broken = "" if np.isfinite(seen).all() else ", not all finite"
    note = "" if every == 1 else f" of 1 in {every**3} nodes"
    facts = {
        "nodes": f"{_by(grid.shape)}, {' and '.join(_names(volume.periodic)) or 'no axis'} periodic",
        "steps": f"{', '.join(f'{length:.4g}' for length in grid.axes_tensor().norm(dim=1).tolist())} Å",
        "interpolation": volume.interpolation,
        "atoms": None if volume.atoms is None else f"{len(volume.atoms.z):,}",
        "definition": volume.mol_field and repr(volume.mol_field),
        "numbers": numbers_of(volume) + broken,
    }
    rows = [
        (_with_unit(volume, name), float(values.min()), float(values.mean()), float(values.max()))
        for name, values in zip(volume.channels, seen, strict=True)
        if values.size
    ]
    pictures = [*atoms_picture(volume.atoms), *_projections(volume, seen)]
    return card("Volume", facts, pictures, table=(("channel", f"least{note}", "mean", "greatest"), rows[:40]))


def _stride(volume: Any) -> int:
    values = max(volume.values.numel(), 1)
    return max(1, math.ceil((values / _MOST_VALUES) ** (1 / 3) - 1e-9))


def _projections(volume: Any, seen: Array) -> list[Picture]:
    """For the first channels, the value that is largest in absolute value along the axis with the fewest nodes.

    Of distances the least, which is that from the nearest surface, or inside it.
    """
    is_distance = getattr(volume.mol_field, "aggregate", "") == "distance"
    extents = volume.grid.axes_tensor().norm(dim=1).numpy() * np.array(volume.grid.shape)
    along = int(extents.argmin())
    across, down = (axis for axis in range(3) if axis != along)
    pictures: list[Picture] = []
    for name, values in zip(volume.channels, np.nan_to_num(seen, posinf=0, neginf=0), strict=True):
        if not values.any() or len(pictures) == _MOST_CHANNELS:
            continue
        where = np.expand_dims(values.argmin(along) if is_distance else np.abs(values).argmax(along), along)
        flat = np.take_along_axis(values, where, along).squeeze(along).T
        thin = flat[:: max(1, flat.shape[0] // _MOST_NODES), :: max(1, flat.shape[1] // _MOST_NODES)]
        pictures.append(
            Picture(thumbnail(thin, aspect=float(extents[across] / extents[down])), _range(volume, name, flat))
        )
    return pictures


def _on_plane(field: Any) -> list[Picture]:
    """The first channels on the mean plane of the atoms, if that is quick."""
    centers = field._quick_centers()
    if centers is None or not len(centers):
        return []
    side = min(_PIXELS, math.isqrt(_MOST_PAIRS // len(centers)))
    if side < _FEWEST_PIXELS:
        return []
    pos = positions(AtomList(torch.zeros(len(centers), dtype=torch.int64), centers))
    rows = principal_axes(pos)
    flat = (pos - pos.mean(0)) @ rows[:2].T
    low, high = flat.min(0) - _MARGIN, flat.max(0) + _MARGIN
    pixel = float((high - low).max()) / side
    counts = np.maximum(np.round((high - low) / pixel), 1).astype(int)
    u, v = (low[axis] + (np.arange(counts[axis]) + 0.5) * (high - low)[axis] / counts[axis] for axis in (0, 1))
    points = pos.mean(0) + u[None, :, None] * rows[0] + v[:, None, None] * rows[1]
    with torch.no_grad():
        values = field(torch.from_numpy(points.reshape(-1, 3)).to(field.device, field.dtype)).cpu().double().numpy()
    planes = values.T.reshape(len(field.channels), counts[1], counts[0])
    known = [(name, plane) for name, plane in zip(field.channels, planes, strict=True) if np.nan_to_num(plane).any()]
    return [Picture(thumbnail(plane), _range(field, name, plane)) for name, plane in known[:_MOST_CHANNELS]]


def _range(field: Any, name: str, values: Array) -> str:
    finite = values[np.isfinite(values)]
    peak = float(np.abs(finite).max()) if finite.size else 0.0
    reach = (f"±{peak:.3g}" if is_signed(finite) else f"0 to {peak:.3g}").replace("-", "−")
    return f"{name}: {reach} {unit_of(field.mol_field, name)}".rstrip()


def _with_unit(field: Any, name: str) -> str:
    unit = unit_of(field.mol_field, name)
    return f"{name} ({unit})" if unit else name


def _names(periodic: tuple[bool, bool, bool]) -> list[str]:
    return [name for name, repeats in zip("abc", periodic, strict=True) if repeats]


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _vector(values: Any) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})".replace("-", "−")
