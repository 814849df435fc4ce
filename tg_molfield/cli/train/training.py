"""A training from its configuration to the report on the screen."""

from __future__ import annotations

import math
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from shlex import quote

from tg_molfield.arguments import check_counts
from tg_molfield.cli.data_sets.splitting import usual_by
from tg_molfield.cli.output_folder import make_folder
from tg_molfield.cli.stopping import Stopped
from tg_molfield.cli.terminal import say
from tg_molfield.cli.train.configuration import FILE, Configuration, option
from tg_molfield.cli.train.folder import builds_anew, check_folder, configuration_before
from tg_molfield.cli.train.parts import device_of, loss_of, molecules_of, resolved
from tg_molfield.cli.wording import counted, worded
from tg_molfield.datasets import MoleculeFields
from tg_molfield.nn import FieldAutoEncoder, OutOfDomainWarning
from tg_molfield.optional import require
from tg_molfield.training import TrainingReport, fit
from tg_molfield.training.budget import Budget
from tg_molfield.training.optimization import Optimization
from tg_molfield.training.run import Habits

_EPOCHS = 100
_WORDS = {
    "folder: expected one": "--output: expected one",
    "give another folder": "give another --output",
    **{f"{one.name}:": f"{option(one.name)}:" for one in fields(Configuration) if one.name not in ("data", "output")},
    "expected valid with it, got none; give molecules to validate with": (
        "expected molecules to validate with, got none; give a share of them in --fractions"
    ),
}


def trained(how: Configuration, resume: bool, force: bool) -> None:
    """Train, and say what came of it.

    Raises:
        ValueError: an option is out of range or has no effect, or the folder has another training.
        OSError: a file cannot be read or written.
        KeyboardInterrupt: it was interrupted.
    """
    if resume and force:
        raise ValueError("--resume: expected either --resume or --force, got both; give one")
    first = os.environ.get("RANK", "0") == "0"
    folder = Path(how.output)
    if how.max_epochs is None and how.max_steps is None and how.max_seconds is None:
        how = replace(how, max_epochs=_EPOCHS)
    before = configuration_before(folder)
    with worded(_WORDS):
        how, model = resolved(how)
        loss, transform = loss_of(how, model)
        device = device_of(how.device)
        habits = _checked(how)
        if how.compile:
            _compile(model)
        if first:
            check_folder(how, before, resume, force)
        train, valid = _molecules(how, model, builds_anew(how, before, force))
        if how.by is None:
            how = replace(how, by=usual_by(train))
            if first:
                check_folder(how, before, resume, force)
        if valid is None:
            habits.check_without_validation()
        if first:
            make_folder(folder)
            how.write(folder)
            _tell_begin(folder, len(train), 0 if valid is None else len(valid), model)
        with _told_how_to_go_on(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDomainWarning)
            report = fit(
                model.to(device), train, loss, valid=valid, transform=transform, folder=folder, resume=not force,
                **{name: getattr(how, name) for name in _OF_FIT},
            )  # fmt: skip
    if first:
        _tell_end(folder, report, how)


_OF_FIT = (
    "batch_size", "max_epochs", "max_steps", "max_seconds", "lr", "weight_decay", "clip", "warmup", "schedule", "ema",
    "precision", "validate_every", "patience", "checkpoint_seconds", "tensorboard", "pictures", "workers", "seed",
)  # fmt: skip


def _checked(how: Configuration) -> Habits:
    """What `fit` refuses, before molecules are read and anything is written.

    Raises:
        ValueError: an option is out of range.
        ImportError: a package is missing.
    """
    if how.tensorboard:
        require("tensorboardX", "train")
    check_counts(1, batch_size=how.batch_size)
    check_counts(0, workers=how.workers)
    Budget(how.max_epochs, how.max_steps, how.max_seconds)
    Optimization(how.lr, how.weight_decay, how.clip, how.warmup, how.schedule, how.ema, how.precision)
    return Habits(
        Path(how.output), how.validate_every, how.patience, how.checkpoint_seconds, how.pictures, how.tensorboard
    )


def _compile(model: FieldAutoEncoder) -> None:
    """Compile the model, which `torch` can do where there is a C++ compiler.

    Raises:
        ValueError: there is none.
    """
    compilers = (os.environ.get("CXX") or "g++", "clang++", "c++", "cl")
    if not any(shutil.which(name) for name in compilers):
        raise ValueError(
            f"--compile: expected a C++ compiler, one of {', '.join(compilers)}, got none; install one or leave it out"
        )
    model.compile()


def _molecules(
    how: Configuration, model: FieldAutoEncoder, force: bool
) -> tuple[MoleculeFields, MoleculeFields | None]:
    try:
        return molecules_of(how, model, force)
    except KeyboardInterrupt as stop:
        stop.args = ("the same command goes on where it was",)
        raise


@contextmanager
def _told_how_to_go_on(folder: Path) -> Iterator[None]:
    """Whoever stops the training is told how it goes on."""
    how_to = _going_on(folder)
    try:
        yield
    except KeyboardInterrupt as stop:
        kept = str(stop).partition("; give folder=")[0]
        stop.args = (f"{kept}; {how_to}" if kept else how_to,)
        raise
    except SystemExit as stop:
        ended = Stopped(signal.SIGTERM)
        ended.args = (how_to,)
        raise ended from stop


def _tell_begin(folder: Path, train: int, valid: int, model: FieldAutoEncoder) -> None:
    size = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    say(
        f"{folder}: {counted(train, 'molecule')} to train on, {valid:,} to validate with; {size:,} parameters, "
        f"channels {' '.join(model.channels)}"
    )


def _tell_end(folder: Path, report: TrainingReport, how: Configuration) -> None:
    why = {"budget": "all of the budget", "patience": f"no improvement in {how.patience} validations"}
    ended = why.get(report.ended, "the seconds of this call")
    recent = report.losses[-50:]
    loss = f", loss {sum(recent) / len(recent):.4g}" if recent else ""
    say(f"{counted(report.steps, 'step')} in {report.seconds:.0f} s{loss}; ended by {ended}")
    best = report.best
    if best is not None:
        quality = "" if math.isnan(best.psnr) else f", {best.psnr:.2f} dB, occupied {best.psnr_occupied:.2f} dB"
        say(f"best validation: loss {best.loss:.4g}{quality}, after step {best.step:,}")
    if report.ended not in why:
        say(_going_on(folder))
    say(f"{folder / 'model.safetensors'}: the model; tg-molfield evaluate --model {quote(str(folder))} tests it")


def _going_on(folder: Path) -> str:
    return f"tg-molfield train {quote(str(folder / FILE))} --resume goes on"
