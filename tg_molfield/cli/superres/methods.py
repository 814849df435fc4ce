"""The methods of ``tg-molfield superres``: those of `superresolve`, and the decoders of `FieldAutoDecoder`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tg_molfield.cli.superres.problem import Problem
from tg_molfield.fields import Field
from tg_molfield.inverse.superres import METHODS as DIRECT
from tg_molfield.inverse.superres import options_of, superresolve
from tg_molfield.metrics import PSNR
from tg_molfield.nn import FieldAutoDecoder
from tg_molfield.nn.resolver import FREE_CODE_DECODERS

METHODS = (*DIRECT, *FREE_CODE_DECODERS)
"""The methods by name."""

SEEN = {
    "auto": "the samples, the widths of the Gaussians and what the channels are, where these are known, but no atoms",
    "learned": "the samples and what the channels are, but no atoms",
    "gaussians": "the samples and, where a channel has a single one, the width of its Gaussians, but no atoms",
    "known_atoms": "the samples, and the positions and widths of the atoms",
}
"""What a method sees, if it sees more than the samples."""

_LEARNED_OPTIONS = ("max_steps", "max_seconds", "seed", "checkpoint")
_DECODER_OPTIONS: dict[str, dict[str, Any]] = {"siren": {"width": 256, "num_layers": 8}}

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Reconstruction:
    """A reconstructed field and how it was obtained.

    Attributes:
        method: the name of the method.
        field: the result.
        save: writes the field or the model to a file.
        psnr_at_samples: against the samples.
        samples: how many numbers were given.
        parameters: how many numbers the field consists of.
        seconds: wall time.
        details: the other figures of the method's report.
        note: a line about the result, if there is more to say.
    """

    method: str
    field: Field
    save: Callable[[Path], None]
    psnr_at_samples: PSNR
    samples: int
    parameters: int
    seconds: float
    details: dict[str, Any]
    note: str = ""

    @property
    def compression(self) -> float:
        """Samples for each parameter."""
        return self.samples / max(self.parameters, 1)


def check_method(method: str, options: dict[str, Any]) -> None:
    """Refuse unknown methods, and options that the method does not use.

    Raises:
        ValueError: there is no such method, or an option is not one of its own.
    """
    if method not in METHODS:
        raise ValueError(f"--method: expected one of {', '.join(METHODS)}, got {method}; see --help")
    unused = [name for name in options if name not in _options(method)]
    if unused:
        fitting = [name for name in METHODS if set(unused) & set(_options(name))]
        raise ValueError(
            f"{', '.join(map(_flag, unused))}: expected only options that --method {method} uses, got options of "
            f"{', '.join(fitting)}; leave them out or change --method"
        )


def reconstruct(problem: Problem, method: str, options: dict[str, Any], progress: Progress) -> Reconstruction:
    """The field of ``problem`` by ``method``.

    Args:
        problem: the samples and what is known about them.
        method: a name in `METHODS`.
        options: those given on the command line; see `check_method`.
        progress: called with a line of text and the share of the work that is done.

    Raises:
        ValueError: the method needs atoms that are not known, or an option is out of range.
    """
    return (_learned if method in FREE_CODE_DECODERS else _direct)(problem, method, options, progress)


def _direct(problem: Problem, method: str, options: dict[str, Any], progress: Progress) -> Reconstruction:
    widths = problem.widths if problem.mol_field is None else problem.mol_field
    known = {"widths": problem.mol_field if method == "learned" else widths, "atoms": problem.atoms}
    used = {name: value for name, value in known.items() if name in options_of(method)}
    if "atoms" in used and problem.atoms is None:
        raise ValueError(
            f"--method: expected auto, spline, kriging, gaussians, siren or rbf for the density {problem.name}, got "
            f"{method}, which needs atoms; change it or give a structure"
        )
    field, report = superresolve(problem.samples, method, progress=progress, **{**options, **used})
    details: dict[str, Any] = {"converged": all(report.converged.values()), "stopped_by": report.stopped_by}
    note = ""
    if method == "auto":
        details |= {"shares": report.shares, "left_out": _finite(report.left_out)}
        note = "; ".join(f"{name}: {mixture_text(shares)}" for name, shares in report.shares.items())
    elif method in ("gaussians", "known_atoms"):
        listed = ", ".join(f"{name} {count:g}" for name, count in report.functions.items())
        note = f"functions: {listed}; channels with 0 are regressed on the others or kriged"
        details |= {
            "iterations": report.iterations,
            "functions": report.functions,
            "relative_residual": report.relative_residual,
        }
    return Reconstruction(
        method,
        field,
        field.save,
        report.psnr_at_nodes,
        report.samples,
        report.parameters,
        report.seconds,
        details,
        note,
    )


def _finite(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """The scores of each channel, None where there are none."""
    return {
        channel: {name: score if math.isfinite(score) else None for name, score in of_channel.items()}
        for channel, of_channel in scores.items()
    }


def mixture_text(shares: Mapping[str, float]) -> str:
    """The methods of a mixture in words."""
    if len(shares) == 1:
        return next(iter(shares))
    return " + ".join(f"{share:.0%} {name}" for name, share in shares.items())


def _learned(problem: Problem, method: str, options: dict[str, Any], progress: Progress) -> Reconstruction:
    decoder_options, seed = _DECODER_OPTIONS.get(method, {}), options.get("seed", 0)
    model = FieldAutoDecoder(problem.samples.channels, decoder=method, decoder_options=decoder_options, seed=seed)
    report = model.fit(problem.samples, progress=progress, **options)
    details = {"converged": report.converged, "stopped_by": report.stopped_by, "steps": report.steps}
    return Reconstruction(
        method, model.field(), model.save, report.psnr[0], report.samples, report.parameters, report.seconds, details
    )


def _options(method: str) -> tuple[str, ...]:
    return _LEARNED_OPTIONS if method in FREE_CODE_DECODERS else options_of(method)


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
