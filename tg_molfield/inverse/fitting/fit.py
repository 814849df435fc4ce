"""`fit_rbf`: the sum of radial basis functions closest to a field, a volume or scattered samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tg_molfield.arguments import (
    as_channel_names,
    as_list,
    check_choice,
    check_not_negative,
    check_number,
    require_counts,
)
from tg_molfield.chem.cells import as_cells
from tg_molfield.chem.validation import check_real, check_tensor
from tg_molfield.devices import in_double
from tg_molfield.display.card import card
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import Kernel
from tg_molfield.fields.periodic import periodic_cells
from tg_molfield.fields.rbf import RBFField
from tg_molfield.fields.volume import Volume
from tg_molfield.inverse.fitting.dense import solve_dense
from tg_molfield.inverse.fitting.design import Basis
from tg_molfield.inverse.fitting.nonlinear import KernelParameters, optimize_shape
from tg_molfield.inverse.fitting.samples import Samples, gather_samples
from tg_molfield.precision import full_precision_on_host

PARTS = ("weights", "widths", "centers")
SOLVERS = ("auto", "dense", "sparse")

_DENSE_OPERATIONS = 5e10
_SPARSE_STEPS = 2000
_MAX_STEPS, _TOLERANCE = 100, 1e-10


@dataclass(frozen=True)
class RBFFitReport:
    """How a fit went.

    Attributes:
        relative_error: ‖fit − target‖ / ‖target‖ of each channel over the samples, weighted by their importance, with
            the fit evaluated in its own type; 0 where both are 0.
        num_samples: the number of samples used.
        steps: of the nonlinear fit if widths or centres were optimised, else of the conjugate gradients.
        converged: whether it stopped by its tolerance, not by its number of steps.
        rank: the number of linearly independent functions, from the dense solver; the lowest of the channels where
            each has its own widths.
        solver: ``"dense"`` or ``"sparse"``, the one that found the weights; ``"none"`` if they were given.
    """

    relative_error: dict[str, float]
    num_samples: int
    steps: int
    converged: bool
    rank: int | None
    solver: str

    def _repr_html_(self) -> str:
        facts = {
            "samples": f"{self.num_samples:,}",
            "steps": f"{self.steps:,}, {'converged' if self.converged else 'not converged'}",
            "rank": self.rank,
            "solver": self.solver,
        }
        return card("RBFFitReport", facts, table=(("channel", "relative error"), list(self.relative_error.items())))


@full_precision_on_host
def fit_rbf(
    target: Field | Tensor,
    centers: Tensor,
    widths: Tensor | float = 1.0,
    kernel: str | Kernel = "gaussian",
    *,
    points: Tensor | Grid | None = None,
    optimize: Sequence[str] = ("weights",),
    weights: Tensor | None = None,
    importance: Tensor | None = None,
    regularization: float = 0.0,
    missing: str = "raise",
    solver: str = "auto",
    max_steps: int = _MAX_STEPS,
    tolerance: float = _TOLERANCE,
    channels: Sequence[str] | None = None,
    cell: Tensor | None = None,
    pbc: Tensor | None = None,
) -> tuple[RBFField, RBFFitReport]:
    """Fit f_c(x) = Σ_i w_ic φ(|x − centers_i| / widths_i) to a target by least squares.

    It minimises Σ_q importance_q |f(x_q) − y_q|² / Σ_q importance_q + regularization · Σ_ic w_ic², summed over
    channels. For several widths per atom, repeat its centre: ``centers=pos.repeat_interleave(3, 0)``,
    ``widths=torch.tensor([0.3, 0.6, 1.2]).repeat(len(pos))``. Computed in double precision, on the processor
    where the device has none.

    Weights alone are a linear problem, solved exactly: by an orthogonal decomposition where it is small, by
    conjugate gradients on the values within the kernel's reach where it is large. Functions that depend linearly
    on each other, such as two of one width at one place, share their weight (the least-norm solution). Centres of less
    than double precision have weights whose error is least after they are rounded to that type. Widths and
    centres start from the given ones and are optimised by the Levenberg–Marquardt method with the weights projected
    out. It finds the nearest minimum at about Q (5 N)² operations a step, so use a few thousand points.

    Args:
        target: a field, a volume, or values [Q, C] or [Q] at ``points``.
        centers: [N, 3] in Å; their type and device are those of the result.
        widths: σ in Å: one number, [N], or [N, C] where each channel has its own (weights alone). The start if
            they are optimised; they stay positive.
        kernel: φ, by name or as a `Kernel`.
        points: where to compare: [Q, 3] in Å, or a `Grid`. A `Volume` is compared at its own nodes if not given.
        optimize: any of ``"weights"``, ``"widths"``, ``"centers"``.
        weights: [N, C], kept fixed where ``"weights"`` is not optimised.
        importance: [Q], the weight of each squared error, 0 to ignore a sample; 1 if not given.
        regularization: the penalty on squared weights, where these are optimised; keeps them small where functions are
            nearly dependent.
        missing: ``"raise"`` or ``"skip"`` samples that are NaN or infinite.
        solver: of the weights: ``"dense"``, ``"sparse"``, or ``"auto"`` by size. Kernels of infinite reach need
            ``"dense"``.
        max_steps: the most steps of the nonlinear fit, of widths or centres.
        tolerance: stop it where a step gains less than this fraction of the squared error.
        channels: names of the channels; those of the target, or numbers, if not given.
        cell: [3, 3] in Å, the period of the functions; that of the target if not given, where it is a periodic
            `Volume` or `RBFField`.
        pbc: which directions repeat [3], bool; all of a given cell, those of the target otherwise. All False fits
            functions that do not repeat to a periodic target.

    Returns:
        The field and a report.

    Raises:
        ValueError: no centres or samples, shapes that do not fit, values that are not finite, unknown options, or
            options that what is optimised does not use.

    Sources: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413; Hestenes and Stiefel, J. Res. NBS 49 (1952) 409.
    """
    check_tensor("centers", centers)
    parts = _parts(optimize, weights)
    _check_numbers(regularization, max_steps, tolerance, solver)
    _check_use(parts, ("weights",), regularization=(regularization, 0.0), solver=(solver, "auto"))
    _check_use(parts, ("widths", "centers"), max_steps=(max_steps, _MAX_STEPS), tolerance=(tolerance, _TOLERANCE))
    samples = gather_samples(target, points, importance, missing)
    channels = samples.channels if channels is None else channels
    names = as_channel_names(channels, samples.values.shape[1], "give one for each")
    start = _start(centers, widths, weights, kernel, names, target.device)
    place, width = in_double(start.centers.detach()), in_double(start.widths.detach())
    cell, pbc = periodic_cells(*_cell(target, cell, pbc), 1, place)
    basis = Basis(start.kernel, None if cell is None else cell[0], None if pbc is None else pbc[0])
    samples = replace(samples, points=basis.folded(samples.points))
    ridge = regularization * float(samples.root.square().sum())
    steps, converged = 0, True
    if set(parts) & {"widths", "centers"}:
        if width.ndim == 2:
            raise ValueError(
                "widths: expected [N] where they are sought, got [N, C]; repeat the centers for several widths"
            )
        fixed = None if "weights" in parts else in_double(start.weights.detach())
        nonlinear = tuple(part for part in parts if part != "weights")
        shape = KernelParameters(place, width.log())
        state, steps, converged = optimize_shape(samples, basis, shape, fixed, nonlinear, ridge, max_steps, tolerance)
        place, width = (in_double(x.to(centers)) for x in (state.shape.centers, state.shape.log_widths.exp()))
    rank, used, found = None, "none", in_double(start.weights.detach())
    if "weights" in parts:
        cut, rounding = (1e-10, 0.0) if start.dtype == torch.float64 else (1e-7, torch.finfo(start.dtype).eps)
        found, rank, used, taken = _weights(samples, place, width, basis, ridge, rounding, solver, cut)
        converged = converged and taken < _SPARSE_STEPS
        steps = steps or taken
    exact = RBFField(place, found, width, start.kernel, start.channels, cell=cell, pbc=pbc)
    field = exact.with_atoms(target.atoms if isinstance(target, Field) else None).to(centers)
    report = RBFFitReport(_errors(field, samples), len(samples.values), steps, converged, rank, used)
    return field, report


def _parts(optimize: Sequence[str], weights: Tensor | None) -> tuple[str, ...]:
    wanted = tuple([optimize] if isinstance(optimize, str) else as_list("optimize", optimize, "names"))
    unknown = [part for part in wanted if part not in PARTS]
    if unknown or not wanted:
        raise ValueError(f"optimize: expected some of {', '.join(PARTS)}, got {tuple(wanted)}; choose from these")
    if ("weights" in wanted) != (weights is None):
        expected, got = ("None", "values") if "weights" in wanted else ("values", "None")
        raise ValueError(
            f"weights: expected {expected} with optimize={wanted}, got {got}; give them where they are not optimised"
        )
    if weights is not None:
        check_tensor("weights", weights)
        check_real("weights", weights)
    return tuple(part for part in PARTS if part in wanted)


def _check_numbers(regularization: float, max_steps: int, tolerance: float, solver: str) -> None:
    check_not_negative("regularization", regularization, "0 turns it off")
    require_counts(0, max_steps=max_steps)
    check_number("tolerance", tolerance)
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance: expected a number in [0, 1), got {tolerance}; the default is 1e-10")
    check_choice("solver", solver, SOLVERS)


def _check_use(parts: Sequence[str], using: Sequence[str], **options: tuple[object, object]) -> None:
    """Refuse values other than the usual of options that only some parts use, where none of these is optimised."""
    for name, (value, usual) in options.items():
        if value != usual and not set(parts) & set(using):
            raise ValueError(
                f"{name}: expected {' or '.join(using)} to be optimised with it, got optimize={tuple(parts)}; leave it "
                "out"
            )


def _cell(target: Field | Tensor, cell: Tensor | None, pbc: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    own: tuple[Tensor | None, Tensor | None] = (None, None)
    if isinstance(target, Volume) and any(target.periodic):
        own = (target.grid.cell, torch.tensor(target.periodic))
    elif isinstance(target, RBFField):
        own = (target.cell, target.pbc)
    if cell is None:
        cell, pbc = own[0], own[1] if pbc is None else pbc
    return None if cell is None else in_double(as_cells(cell, 1)), pbc


def _start(
    centers: Tensor, widths: Tensor | float, weights: Tensor | None, kernel: str | Kernel,
    channels: Sequence[str], device: torch.device,
) -> RBFField:  # fmt: skip
    if not len(centers):
        raise ValueError("centers: expected at least one, got none; give [N, 3] with N ≥ 1")
    if centers.device != device:
        raise ValueError(f"centers: expected {device}, as for target, got {centers.device}; move one")
    zeros = torch.zeros(len(centers), len(channels), dtype=centers.dtype, device=centers.device)
    return RBFField(centers, zeros if weights is None else weights.to(zeros), widths, kernel, channels)


def _weights(
    samples: Samples, centers: Tensor, widths: Tensor, basis: Basis, ridge: float, rounding: float, solver: str,
    cut: float,
) -> tuple[Tensor, int | None, str, int]:  # fmt: skip
    if widths.ndim == 2:
        single = [
            _weights(samples.channel(c), centers, widths[:, c], basis, ridge, rounding, solver, cut)
            for c in range(widths.shape[1])
        ]
        ranks = [rank for _, rank, _, _ in single if rank is not None]
        columns = torch.cat([column for column, _, _, _ in single], 1)
        return columns, min(ranks, default=None), single[0][2], max(taken for _, _, _, taken in single)
    finite = math.isfinite(basis.kernel.reach(cut))
    if solver == "sparse" and not finite:
        raise ValueError(
            f"kernel: expected a finite reach for solver='sparse', got {basis.kernel.name!r}; take solver='dense'"
        )
    large = 2 * len(samples.points) * float(len(centers)) ** 2 > _DENSE_OPERATIONS
    if solver == "sparse" or (solver == "auto" and large and finite):
        from tg_molfield.inverse.fitting.sparse import solve_sparse

        found, steps = solve_sparse(samples, centers, widths, basis, ridge, rounding, cut, _SPARSE_STEPS)
        return found, None, "sparse", steps
    found, rank = solve_dense(samples, centers, widths, basis, ridge, rounding)
    return found, rank, "dense", 0


def _errors(field: RBFField, samples: Samples) -> dict[str, float]:
    values = in_double(field(samples.points.to(field.device, field.dtype)))
    rest = (values - samples.values) * samples.root[:, None]
    errors, sizes = rest.norm(dim=0), samples.weighted().norm(dim=0)
    relative = torch.where(errors > 0, errors / sizes, errors)
    return dict(zip(field.channels, relative.tolist(), strict=True))
