"""The decoders that find a field directly from its samples, by name, and their options."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.superres import SuperresField, anchored, superresolve, widths_of
from tg_molfield.nn.autodecoder.report import AutoDecoderReport
from tg_molfield.nn.decoders.option_names import check_option_names

DIRECT = {
    "mixture": ("widths", "members", "rounds"),
    "kriging": (),
    "anchored": ("weights", "ridge"),
}
"""The decoders and the names of their options."""

Progress = Callable[[str, float], None]


def checked_options(decoder: str, options: dict[str, Any], channels: tuple[str, ...]) -> dict[str, Any]:
    """The options of a decoder, widths as one number a channel.

    Raises:
        TypeError: there is no such option.
        ValueError: the widths do not fit the channels.
    """
    check_option_names(decoder, options, DIRECT[decoder])
    return {**options, "widths": widths_of(channels, options["widths"])} if "widths" in options else dict(options)


def solve(
    decoder: str,
    options: dict[str, Any],
    volumes: list[Volume],
    atoms: RBFField | Sequence[RBFField] | None,
    seed: int,
    progress: Progress,
    checkpoint: str | PathLike[str] | None,
    max_bytes: int | None,
) -> tuple[list[SuperresField], AutoDecoderReport]:
    """The fields of samples and a report, its figures of merit left open.

    Args:
        decoder: a name in `DIRECT`.
        options: see there.
        volumes: the samples.
        atoms: for each volume the functions of its atoms, for ``"anchored"`` and only for it.
        seed: of displaced starts.
        progress: called with what is being done and the share that is done.
        checkpoint: a file for finished searches; of several volumes each has its own, numbered.
        max_bytes: of memory to use.

    Raises:
        ValueError: atoms are missing, too many or not wanted, or a volume cannot be solved.
        MemoryError: a volume is too large.
    """
    begin = time.perf_counter()
    report = AutoDecoderReport(converged=True)
    if decoder == "anchored":
        known = [atoms] if isinstance(atoms, RBFField) else list(atoms or [])
        if len(known) != len(volumes):
            raise ValueError(
                f"atoms: {len(known)} fields for {len(volumes)} volumes; the anchored decoder needs one each, "
                "such as atoms=definition(data)"
            )
        fields = []
        for i, (volume, one) in enumerate(zip(volumes, known, strict=True)):
            fields.append(anchored(volume, one, **options))
            progress(f"volume {i}: {len(one.centers)} atoms", (i + 1) / len(volumes))
        report.parameters = sum(map(_numbers, fields))
    else:
        if atoms is not None:
            raise ValueError(f"atoms: the {decoder} decoder sees no atoms; leave them out or choose 'anchored'")
        fields = []
        for i, volume in enumerate(volumes):
            field, detail = superresolve(
                volume,
                method=decoder,
                seed=seed,
                progress=lambda text, share, i=i: progress(text, (i + share) / len(volumes)),  # type: ignore[misc]
                checkpoint=_numbered(checkpoint, i, len(volumes)),
                max_bytes=max_bytes,
                **options,
            )
            fields.append(field)
            report.details.append(detail)
            progress(f"volume {i} is done", (i + 1) / len(volumes))
        report.parameters = sum(detail.parameters for detail in report.details)
        report.converged = all(all(detail.converged.values()) for detail in report.details)
    report.seconds = time.perf_counter() - begin
    return fields, report


def _numbers(field: SuperresField) -> int:
    functions, nodes = field.functions, field.nodes
    return 3 * len(functions.centers) + int((functions.weights != 0).sum()) + int((nodes.weights != 0).sum())


def _numbered(path: str | PathLike[str] | None, index: int, count: int) -> Path | None:
    if path is None or count == 1:
        return None if path is None else Path(path)
    return Path(path).with_stem(f"{Path(path).stem}.{index}")
