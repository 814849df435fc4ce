"""Method ``"gaussians"``: Gaussians of known width are sought in the samples; the residual is kriged."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from torch import Tensor

from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.inverse.superres.channel_regression import SCALES
from tg_molfield.inverse.superres.checkpoint import Checkpoint
from tg_molfield.inverse.superres.checks import check_orthogonal, check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.gaussian_search import (
    Seen,
    fit_of,
    found_functions,
    run_searches,
    search_settings,
    sparse_channels,
)
from tg_molfield.inverse.superres.methods.kriging import krige
from tg_molfield.inverse.superres.pursuit import EXPLAINED
from tg_molfield.inverse.superres.solution import Progress, Solution, volume_in_double
from tg_molfield.inverse.superres.widths import resolve_widths


def gaussians(
    volume: Volume,
    progress: Progress,
    max_bytes: int | None,
    *,
    widths: MolField | Sequence[float | None] | None = None,
    num_restarts: int | None = None,
    max_iter: int | None = None,
    seed: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Solution:
    """Each channel of known width is a sum of Gaussians, as many as the samples show.

    1. In every channel of known width, the Gaussians are sought ``num_restarts`` times from displaced starts, and the
       results are averaged: where the samples do not determine the field, the mean of the possible answers is the
       best estimate.
    2. Channels without a single width (all atoms, a property) are regressed on the Gaussians found, at their own, at
       narrower and at wider widths.
    3. The residual at the nodes is kriged and added where it exceeds 1e-4 of the samples, so that the field agrees
       with the samples.

    Channels of known width in which Gaussians crowd, about one for every two occupied nodes, are kriged. Where no
    channel has a width, all are, and options of the search are refused.

    Args:
        volume: the samples, on an orthogonal grid that is not periodic if any width is given.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        widths: σ of each channel in Å, None where it is unknown or not the same for all functions; or a `MolField`
            that has them by channel name; ``volume.mol_field`` if not given.
        num_restarts: how many searches are averaged; 2 if None.
        max_iter: the most iterations of each search; 8 if None.
        seed: for the displaced starts; 0 if None.
        checkpoint: a ``.safetensors`` file that keeps finished searches; the same call resumes from it.

    Raises:
        ValueError: widths are neither given nor known from the volume's definition, an option is out of range, has no
            effect or does not fit the channels, the grid is oblique or periodic, or the checkpoint belongs to other
            samples or settings.
    """
    restarts, iterations, first_seed = search_settings(num_restarts, max_iter, seed, checkpoint)
    if widths is None and isinstance(volume.mol_field, MolField):
        widths = volume.mol_field
    known = resolve_widths(volume.channels, widths)
    any_known = any(width is not None for width in known)
    if any_known:
        check_orthogonal(volume, "gaussians")
    else:
        _refuse_options_of_searches(num_restarts=num_restarts, max_iter=max_iter, seed=seed, checkpoint=checkpoint)
    check_volume(volume, max_bytes, refined=any_known)
    if widths is None:
        raise ValueError(
            "widths: expected σ of each channel in Å or a MolField, got None for a volume without a definition; give "
            "them, or choose method='kriging'"
        )
    exact = volume_in_double(volume)
    sought = sparse_channels(exact, known)
    done = Checkpoint(checkpoint, exact, (known, restarts, iterations, first_seed))
    searches = run_searches(exact, sought, [Seen(exact.values)] * restarts, iterations, first_seed, progress, done)
    unknown = [c for c, width in enumerate(known) if width is None]
    functions = found_functions(exact, sought, searches, unknown)
    residual = unexplained(functions, exact)
    nodes = krige(residual, exact) if sought else krige(residual, exact, tuple(COVARIANCES), progress)
    found = sum(len(search.mixture.pos) for runs in searches.values() for search in runs)
    coefficients = len(SCALES) * len(sought) * len(unknown)
    fits = [fit_of(searches.get(c, [])) for c in range(len(volume.channels))]
    return Solution(functions, [nodes], 4 * found + nodes.num_parameters + coefficients, fits)


def unexplained(functions: RBFField, volume: Volume) -> Tensor:
    """What ``functions`` leave of the samples [C, nx, ny, nz]; 0 in channels where it is not worth a weight a node."""
    residual = volume.values - functions.on(volume.grid).values
    residual[residual.flatten(1).norm(dim=1) < EXPLAINED * volume.values.flatten(1).norm(dim=1)] = 0
    return residual


def _refuse_options_of_searches(**options: object) -> None:
    """Raise a ValueError for options that only searches use."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"{name}: expected widths with it, as channels without a width are kriged without a search, got "
                f"{name}={value!r} alone; give widths or leave it out"
            )
