"""`superresolve`: a continuous field from samples on a grid."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable
from typing import Any

from tg_molfield.arguments import check_callable, check_choice
from tg_molfield.callers import caller_level
from tg_molfield.fields import Volume
from tg_molfield.inverse.superres.left_out import unresolved_channels
from tg_molfield.inverse.superres.methods.auto import auto
from tg_molfield.inverse.superres.methods.gaussians import gaussians
from tg_molfield.inverse.superres.methods.known_atoms import known_atoms
from tg_molfield.inverse.superres.methods.kriging import kriging
from tg_molfield.inverse.superres.methods.learned import learned
from tg_molfield.inverse.superres.methods.spline import spline
from tg_molfield.inverse.superres.report import SuperresReport, SuperresWarning, by_channel
from tg_molfield.inverse.superres.solution import Progress, Solution
from tg_molfield.inverse.superres.superres_field import SuperresField
from tg_molfield.metrics import psnr
from tg_molfield.precision import full_precision_on_host

METHODS: dict[str, Callable[..., Solution]] = {
    "auto": auto,
    "spline": spline,
    "kriging": kriging,
    "gaussians": gaussians,
    "learned": learned,
    "known_atoms": known_atoms,
}
"""The methods by name; called with the volume, ``progress`` and ``max_bytes``. Their options are keyword-only."""


@full_precision_on_host
def superresolve(
    volume: Volume,
    method: str = "auto",
    *,
    progress: Progress | None = None,
    max_bytes: int | None = None,
    **options: Any,
) -> tuple[SuperresField, SuperresReport]:
    """Reconstruct the field behind samples on a grid, so that it can be evaluated between the nodes.

    ==================  ========================================================================================
    ``"auto"``          in each channel what predicts samples left out best: one of the next four, or a mixture of
                        them. Options ``widths`` (a `MolField`, or σ by channel), ``num_restarts``, ``max_iter``,
                        ``seed``, ``checkpoint``; see `methods.auto.auto`
    ``"spline"``        sees the samples: cubic B-splines. No options
    ``"kriging"``       sees the samples: the best linear estimate, also on oblique and periodic grids. No options
    ``"gaussians"``     sees the samples, and the width of the Gaussians in each channel: seeks the Gaussians and
                        kriges the residual. Options as ``"auto"``; see `methods.gaussians.gaussians`
    ``"learned"``       sees the samples, and what the channels are: kriging, corrected by a network trained on other
                        proteins. Option ``widths`` (a `MolField`); see `methods.learned.learned`
    ``"known_atoms"``   sees the samples and the atoms: fits the weights of ``atoms=mol_field(data)`` and kriges
                        the residual. Options ``atoms``, ``weights="common"`` or ``"free"``, ``ridge``; see
                        `methods.known_atoms.known_atoms`
    ==================  ========================================================================================

    The computation uses double precision on the CPU; the field has the type, the device and the ``mol_field`` of the
    volume.

    Args:
        volume: the samples, at least four nodes along each axis.
        method: a name in the table.
        progress: called with a line of text and the share of the work that is done, from 0 to 1.
        max_bytes: the memory to use; what is available if not given.
        options: those of the method.

    Returns:
        The field and a report.

    Warns:
        SuperresWarning: a channel is noise or has steps between the samples, known atoms are of another field, or the
            grid is too small for ``"auto"`` to compare methods.

    Raises:
        ValueError: there is no such method, the volume is empty, constant or has NaN, or the method cannot use its
            grid or an option's value.
        TypeError: the method has no such option, or ``volume`` or an option has another type.
        MemoryError: the volume is too large; raised before any work.
    """
    begin = time.perf_counter()
    if not isinstance(volume, Volume):
        raise TypeError(f"volume: expected a Volume, got {type(volume).__name__}; sample a field with field.on(grid)")
    check_choice("method", method, METHODS, "see superresolve")
    check_callable("progress", progress)
    _check_options(method, options)
    solution = METHODS[method](volume, progress or (lambda text, share: None), max_bytes, **options)
    _warn_of_unresolved(volume)
    parts = SuperresField(solution.functions, solution.lattices, solution.interpolated)
    field = parts.to(volume.values).with_mol_field(volume.mol_field)
    report = SuperresReport(
        method=method,
        psnr_at_nodes=psnr(field, volume, volume.grid),
        samples=volume.values.numel(),
        parameters=solution.parameters,
        seconds=time.perf_counter() - begin,
        **by_channel(volume.channels, solution.fits),
    )
    return field, report


def _warn_of_unresolved(volume: Volume) -> None:
    unresolved = unresolved_channels(volume.values.detach().cpu().double())
    if unresolved:
        names = ", ".join(volume.channels[c] for c in unresolved)
        warnings.warn(
            f"volume: expected samples that resolve the field, got noise or steps in {names}, where cubics through the "
            "neighbours predict a sample worse than straight lines do; what is reconstructed between the nodes may be "
            "worse than trilinear interpolation there",
            SuperresWarning,
            stacklevel=caller_level(),
        )


def options_of(method: str) -> tuple[str, ...]:
    """The names of the options of ``method``."""
    parameters = inspect.signature(METHODS[method]).parameters.values()
    return tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY)


def _check_options(method: str, options: dict[str, Any]) -> None:
    """Refuse the first option that ``method`` does not have.

    Raises:
        TypeError: there is one.
    """
    known = options_of(method)
    for name in options:
        if name not in known:
            owners = [other for other in METHODS if name in options_of(other)]
            got = f"an option of method={owners[0]!r}" if owners else "an unknown option"
            listed = f"one of its options {', '.join(known)}" if known else "no options"
            raise TypeError(f"{name}: expected {listed} for method={method!r}, got {got}; leave it out")
