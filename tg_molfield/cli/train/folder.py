"""The folder of a training: what it has from before, and what may be done with it."""

from __future__ import annotations

from pathlib import Path

from tg_molfield.cli.train.configuration import FILE, Configuration, option
from tg_molfield.training.checkpoint import CHECKPOINT
from tg_molfield.training.folder_lock import only_training

_FREE = (
    "output", "max_epochs", "max_steps", "max_seconds", "patience", "checkpoint_seconds", "tensorboard", "pictures",
    "workers", "device",
)  # fmt: skip
"""What may differ when a training goes on."""


def configuration_before(folder: Path) -> Configuration | None:
    """The configuration of the training in a folder, None where there is none."""
    path = folder / FILE
    return Configuration.read(path) if path.is_file() else None


def check_folder(how: Configuration, before: Configuration | None, resume: bool, force: bool) -> None:
    """Refuse to mix up two trainings in a folder.

    Args:
        how: the resolved configuration of the training that is to begin or go on; ``by`` may be open as long as the
            data set is not known.
        before: that of the training in the folder.
        resume: whether it is to go on.
        force: whether it is to begin anew.

    Raises:
        ValueError: the folder has a training, and it is not told what to do with it; or it is of another configuration.
        BlockingIOError: another process trains in it.
    """
    folder = Path(how.output)
    if folder.is_dir():
        with only_training(folder):
            pass
    if before is None:
        if (folder / CHECKPOINT).exists() and not force:
            raise ValueError(
                f"{folder}: expected {FILE} beside {CHECKPOINT}, got none; give --force to begin anew, or another "
                "--output"
            )
        return
    if force:
        return
    if not resume:
        raise ValueError(
            f"{folder}: expected a folder without a training, got one; give --resume to go on, --force to begin anew, "
            "or another --output"
        )
    still_open = ("by",) if how.by is None else ()
    differing = [name for name in how.differences(before) if name not in (*_FREE, *still_open)]
    if differing:
        name = differing[0]
        now, then = (str(getattr(one, name))[:40] for one in (how, before))
        raise ValueError(
            f"{option(name)}: expected {then}, as {folder / FILE} has, to go on, got {now}; leave it out, or give "
            "--force to begin anew"
        )


def builds_anew(how: Configuration, before: Configuration | None, force: bool) -> bool:
    """Whether the data set in the folder is of other sources or options, and to be replaced."""
    return force and before is not None and any(name not in _FREE for name in how.differences(before))
